import type { Logger } from 'pino';
import { append } from '../append.ts';
import { type AuditConfig, budgetBytes, type Config } from '../config/config.ts';
import { addDays, type Day, dayNumber, dayOf } from '../days/day.ts';
import { plural } from '../format.ts';
import type { PackageHealth } from '../publish/health.ts';
import { readHistory } from '../publish/history.ts';
import { beginRun, causeText } from '../run/run.ts';
import { openSource } from '../sources/open.ts';
import { sourceName, traitsOf } from '../sources/traits.ts';
import { openLedgers } from '../state/ledgers.ts';
import type { Lock } from '../state/lock.ts';
import { openSpendFile } from '../state/spend.ts';
import { type Audit, auditFigures, auditWarnings, settledDay } from '../winnow/audit.ts';
import type { Breakdown } from '../winnow/breakdown.ts';
import { fold } from '../winnow/fold.ts';
import type { Context } from './context.ts';

/** What a package's own source says of a settled day. */
interface Settled {
  readonly name: string;
  readonly day: Day;
  readonly breakdown: Breakdown;
}

function isDue(
  { audit }: PackageHealth,
  { source, everyDays }: AuditConfig,
  own: string,
  today: Day,
): boolean {
  if (audit === undefined || audit.source !== own || audit.otherSource !== source.kind) return true;
  return dayNumber(today) - dayNumber(audit.checked) >= everyDays;
}

function byDay(settled: readonly Settled[]): Map<Day, Settled[]> {
  const days = new Map<Day, Settled[]>();
  for (const one of settled) {
    append(days, one.day, one);
  }
  return days;
}

async function settledOf(outputDir: string, name: string): Promise<Settled[]> {
  const history = await readHistory(outputDir, name);
  const day = history && settledDay(history);
  const breakdown = day && history.breakdowns[history.days.indexOf(day)];
  return day && breakdown ? [{ name, day, breakdown }] : [];
}

/** What the other source says of one day of some packages; those that it could not tell are left out. */
async function askOther(
  config: Config,
  { source }: AuditConfig,
  names: readonly string[],
  day: Day,
  { log, context, signal, assertHeld }: AuditTools,
): Promise<Map<string, Breakdown>> {
  const traits = traitsOf(source, context.env);
  const warn = (message: string) => log.warn(message);
  const { outcomes } = await beginRun({
    packages: names.map((name) => ({ name, windows: [1] })),
    asOf: addDays(day, 1),
    full: false,
    lookBackDays: 1,
    open: () => openSource(source, context),
    concurrency: config.concurrency,
    assertHeld,
    ledgers: openLedgers(config.stateDir, traits.id, warn),
    spend: openSpendFile(config.stateDir, warn),
    budgetBytes: budgetBytes(config),
    signal,
    warn,
    now: context.now,
  });
  const told = new Map<string, Breakdown>();
  const causes = new Set<string>();
  for await (const outcome of outcomes) {
    if (outcome.kind === 'failed') {
      causes.add(causeText(outcome.error));
      continue;
    }
    const { end, partialDays } = outcome.upstream;
    // A day that the other source lacks, or has only a part of, says nothing of this one.
    if (end !== addDays(day, 1) || partialDays.includes(day) || !outcome.read.rows.has(day)) continue;
    const [{ breakdown }] = fold(outcome.read, [1], []).windows;
    told.set(outcome.package.name, breakdown);
  }
  for (const cause of causes) log.warn(`the audit by ${traits.name} was not complete: ${cause}`);
  return told;
}

/** What the audit needs of the run that it ends. */
export interface AuditTools {
  readonly log: Logger;
  readonly context: Context;
  readonly signal: AbortSignal | undefined;
  readonly assertHeld: Lock['assertHeld'];
}

/**
 * Asks the other source for one settled day of each package that is due, and puts what it says into the
 * packages' entries. That the other source cannot be asked fails nothing: it is tried again with the next run.
 * Both sources' days are kept, and paid for within the budget.
 */
export async function auditPackages(
  config: Config,
  entries: Map<string, PackageHealth>,
  tools: AuditTools,
): Promise<void> {
  const { audit: wanted } = config;
  if (wanted === undefined) return;
  const { log, context, signal } = tools;
  const today = dayOf(context.now());
  const own = config.source.kind;
  const counted = [...entries].filter(([, { failure }]) => failure === undefined);
  const due = counted.filter(([, entry]) => isDue(entry, wanted, own, today)).map(([name]) => name);
  const settled = (await Promise.all(due.map((name) => settledOf(config.outputDir, name)))).flat();
  const fresh = new Map<string, Audit>();
  for (const [day, same] of byDay(settled)) {
    if (signal?.aborted) break;
    const told = await askOther(
      config,
      wanted,
      same.map(({ name }) => name),
      day,
      tools,
    );
    for (const { name, breakdown } of same) {
      const other = told.get(name);
      if (other === undefined) continue;
      fresh.set(name, {
        source: own,
        otherSource: wanted.source.kind,
        day,
        own: auditFigures(breakdown),
        other: auditFigures(other),
        checked: today,
      });
    }
  }
  if (fresh.size > 0) {
    log.info(`${plural(fresh.size, 'package')} compared with ${sourceName(wanted.source.kind).name}`);
  }
  for (const [name, entry] of counted) {
    const audit = fresh.get(name) ?? entry.audit;
    const warnings = auditWarnings(audit, (kind) => sourceName(kind).shortName);
    for (const { code, message } of warnings)
      log.warn({ package: name, warning: code }, `${name}: ${message}`);
    entries.set(name, {
      ...entry,
      ...(audit === undefined ? {} : { audit }),
      warnings: [...entry.warnings, ...warnings],
    });
  }
}
