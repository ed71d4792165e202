import { loadConfig } from '../config/config.ts';
import { UsageError } from '../errors/error.ts';
import { formatAge, formatNumber } from '../format.ts';
import { demandHealth, type Health, needsCare, type Standing, statusOf } from '../publish/health.ts';
import { sourceName } from '../sources/index.ts';
import { formatJson, snakeKeys } from '../util.ts';
import type { Context, GlobalOptions } from './context.ts';
import { left, renderRemarks, renderTable, right, standingName, stateTone, styleOf, wrap } from './output.ts';
import { renderPrometheus } from './prometheus.ts';

export type StatusOptions = GlobalOptions & { readonly json?: boolean; readonly prometheus?: boolean };

const COLUMNS = [
  left('package'),
  right('window'),
  right('non-CI'),
  left('counted to'),
  left('last success'),
  left('state', stateTone),
];

/** How long ago badges were last made, in milliseconds; undefined if they never were. */
function ageOf({ entry }: Standing, now: Date): number | undefined {
  const { lastSuccess } = entry ?? {};
  return lastSuccess === undefined ? undefined : Math.max(0, now.getTime() - Date.parse(lastSuccess));
}

function statusJson(standing: Standing, now: Date) {
  const { windowDays, count, countedTo, attempted, lastSuccess, failure, warnings } = standing.entry ?? {};
  const age = ageOf(standing, now);
  return {
    ...{ state: standing.state, windowDays, count, countedTo, attempted, lastSuccess },
    ageSeconds: age === undefined ? undefined : Math.floor(age / 1000),
    error: failure?.error,
    errorCode: failure?.code,
    warnings: warnings?.length === 0 ? undefined : warnings,
  };
}

function toJson(health: Health, states: readonly Standing[], healthy: boolean, now: Date) {
  const { source, started, finished, warnings } = health;
  const { published: _, ...upstream } = health.upstream;
  const entries = (of: readonly Standing[]) =>
    Object.fromEntries(of.map((standing) => [standing.name, statusJson(standing, now)]));
  const groups = states.filter(({ isGroup }) => isGroup);
  return snakeKeys({
    ...{ healthy, source, started, finished, upstream },
    warnings: warnings.length === 0 ? undefined : warnings,
    packages: entries(states.filter(({ isGroup }) => !isGroup)),
    groups: groups.length === 0 ? undefined : entries(groups),
  });
}

function cells(standing: Standing, now: Date): string[] {
  const { state, entry } = standing;
  const age = ageOf(standing, now);
  return [
    standingName(standing),
    entry?.windowDays === undefined ? '-' : `${entry.windowDays}d`,
    entry?.count === undefined ? '-' : formatNumber(entry.count),
    entry?.countedTo ?? '-',
    age === undefined ? 'never' : formatAge(age),
    state,
  ];
}

function render(health: Health, states: readonly Standing[], now: Date, { stdout, env }: Context): string {
  const style = styleOf(stdout, env);
  const { finished, source, upstream } = health;
  const ago = finished === undefined ? '' : ` (${formatAge(now.getTime() - Date.parse(finished))})`;
  const facts = [
    `last run: ${finished ?? 'unknown'}${ago}`,
    ...(source === undefined ? [] : [`counted from ${sourceName(source).name}`]),
    ...(upstream.lastDay === null ? [] : [`table up to ${upstream.lastDay}`]),
  ];
  const rows = states.map((standing) => cells(standing, now));
  const others = health.warnings.map(({ code, message }) => `\nwarning (${code}): ${message}\n`);
  const table = renderTable(COLUMNS, rows, style);
  return wrap(`${facts.join(', ')}\n\n${table}${renderRemarks(states)}${others.join('')}`, style);
}

/** `status`: how the packages stand, from the last run's health file. Exits 1 if any is not well. */
export async function status(options: StatusOptions, context: Context): Promise<number> {
  if (options.json && options.prometheus) {
    throw new UsageError('--json and --prometheus: choose one of them');
  }
  const config = loadConfig(options.config, context.cwd);
  const health = await demandHealth(config.outputDir);
  const now = context.now();
  const states = statusOf(config, health, now);
  const healthy = !states.some(({ state }) => needsCare(state));
  if (options.json) context.stdout.write(formatJson(toJson(health, states, healthy, now)));
  else if (options.prometheus) context.stdout.write(renderPrometheus(config, health, states));
  else context.stdout.write(render(health, states, now, context));
  return healthy ? 0 : 1;
}
