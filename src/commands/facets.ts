import { askFacets, expectedFacetBill, type FacetTask, sumFacets } from '../collect/facets.ts';
import { fetchDays } from '../collect/run.ts';
import { loadConfigIfPresent } from '../config/config.ts';
import { addDays, spanDays, windowBefore } from '../days/day.ts';
import { describeError, OperatorError, UsageError } from '../errors/error.ts';
import { formatGib, formatNumber, formatShare } from '../format.ts';
import { bySeries, type DatedFacets, FACET_NOTES, type FacetList, shownRows } from '../metric/facets.ts';
import { versionTest } from '../metric/versions.ts';
import { kindWarning, type Warning } from '../metric/warnings.ts';
import { days, FACET_TITLES, spanText } from '../page/words.ts';
import type { FacetQuestion } from '../sources/facets.ts';
import { openSource, PUBLIC_SOURCE, traitsOf } from '../sources/index.ts';
import type { Source } from '../sources/source.ts';
import { openBudget, openSpendFile } from '../state/spend.ts';
import { formatJson, TIB } from '../util.ts';
import { type Asking, readNow } from './ask.ts';
import { agrees, type Context } from './context.ts';
import { bySentence, createLog, listPrice, renderFigures, type Style, say, styleOf, wrap } from './output.ts';
import type { ShowOptions } from './show.ts';
import { underLock } from './under-lock.ts';

/** How facets are asked for and printed. */
export type FacetOptions = ShowOptions & Required<Pick<ShowOptions, 'by'>>;

/** The facets of a package, and what makes them look other than they are. */
interface Found extends Pick<DatedFacets, 'facets' | 'span'> {
  readonly name: string;
  readonly warnings: readonly Warning[];
}

/** Most values that are printed; --json and facets.json have them all. */
const ROWS_SHOWN = 20;

function markdownTable(title: string, rows: readonly (readonly string[])[]): string {
  const lines = [[title, 'Share', 'Downloads'], ['---', '---:', '---:'], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

/** The command that prints the same table. */
function commandOf(name: string, { by, of, asOf }: FacetOptions, { windowDays, source }: Asking): string {
  const versions = of === undefined ? '' : ` --of '${of}'`;
  const end = asOf === undefined ? '' : ` --as-of ${asOf}`;
  const from = source.kind === PUBLIC_SOURCE.kind ? '' : ` --source ${source.kind}`;
  return `pypi-badges show ${name} --by ${by}${versions} --days ${windowDays}${end}${from} --markdown`;
}

/** A table or two, and below them what they are about and what must be known to read them. */
function render(found: Found, options: FacetOptions, asking: Asking, counted: string, style: Style): string {
  const { by, of, markdown } = options;
  const { name, facets, span, warnings } = found;
  const { total } = facets;
  const table = (title: string, list: FacetList) => {
    const entries = [...shownRows(by, list, ROWS_SHOWN), ['Total', total] as const];
    const rows = entries.map(([value, count]) => [value, formatShare(count, total), formatNumber(count)]);
    return markdown ? markdownTable(title, rows) : renderFigures([title, 'share', 'downloads'], rows, style);
  };
  const tables = [
    table(FACET_TITLES[by], facets[by]),
    ...(by === 'version' ? [table('Series', bySeries(facets.version))] : []),
  ];
  const about = `${name}${of === undefined ? '' : ` ${of}`}, ${spanText(span)} (UTC)`;
  const isCut = spanDays(span) < asking.windowDays;
  const remarks = [
    `${about}: ${formatNumber(total)} downloads by installers, not marked as CI, counted from ${counted}.`,
    isCut ? `Only the newest of ${days(asking.windowDays)}: more is too much to ask for at once.` : '',
    FACET_NOTES[by] ?? '',
    ...warnings.map(({ message }) => `Warning: ${message}.`),
  ].filter((line) => line !== '');
  const below = markdown
    ? [...remarks, `\`${commandOf(name, options, asking)}\``].map((line) => `${line}\n`)
    : [remarks.map((line) => `${wrap(line, style)}\n`).join('')];
  return [...tables, ...below].join('\n');
}

const NOTHING = 'no download by an installer, not marked as CI; is the name right, and the version of --of?';

/** What is read, and where it goes. */
interface Reading extends Pick<FacetTask, 'isVersion' | 'onNone'> {
  readonly asking: Asking;
  readonly options: FacetOptions;
  readonly onFound: (name: string, dated: DatedFacets, warnings: readonly Warning[]) => void;
}

/** Where reading is free: the days of the packages tell how many rows there are to read. */
async function readFree({ asking, options, onFound, ...task }: Reading, context: Context): Promise<number> {
  const facets = { ...task, isWanted: () => true, takesNewestDays: true };
  for (const answer of await readNow({ ...asking, facets }, options, context)) {
    const { name } = answer;
    if (answer.kind === 'failed') task.onNone([name], answer.why);
    else if (answer.facets !== undefined) onFound(name, answer.facets, answer.summary.warnings);
  }
  return 0;
}

/** Where it is not: once the operator has seen the price and agrees, the facets alone, each package by itself. */
async function readPaid({ asking, options, onFound, ...task }: Reading, context: Context): Promise<number> {
  const { names, windowDays, asOf, source: kind } = asking;
  const { cwd, stderr, now } = context;
  const config = loadConfigIfPresent(options.config, cwd);
  const { log } = await createLog({ logLevel: options.logLevel ?? 'warn' }, context);
  const signal = context.interruptible?.();

  /** @returns Whether the operator agrees to pay. */
  async function isAgreed(source: Source): Promise<boolean> {
    const times = task.isVersion === undefined ? 1 : 2;
    let [expected, most] = [0, 0];
    for (const name of names) {
      const question = { packages: [name] as const, span: windowBefore(asOf, windowDays) };
      expected += times * expectedFacetBill(question);
      most += times * ((await source.estimateFacets?.(question, signal)) ?? 0);
    }
    const price = (bytes: number) => `${formatGib(bytes)} (${listPrice(bytes, TIB)})`;
    const told = `This bills about ${price(expected)} by our estimate, and at most ${price(most)} by a dry run; the first TiB of a month is free.`;
    say(stderr, context.env, told);
    return options.yes || agrees(context, 'Read this and pay for it?');
  }

  async function read(assertHeld: () => void): Promise<number> {
    const source = await openSource(kind, context);
    const spend = config && openSpendFile(config.stateDir, (message) => log.warn(message));
    const book = await openBudget(spend, config?.budgetBytes ?? null, now, assertHeld);
    try {
      if (!(await isAgreed(source))) return 0;
      const packages = names.map((name) => ({ name, windows: [windowDays] as const }));
      const scope = { packages, asOf, full: false, lookBackDays: 0, signal };
      const { upstream } = await fetchDays(source, book, scope);
      if (upstream.fault !== undefined) throw new OperatorError(upstream.fault.code, upstream.fault.message);
      const span = windowBefore(upstream.end, windowDays);
      const ask = (question: FacetQuestion) => askFacets(source, book, question, 0, signal);
      for (const name of names) {
        try {
          const [facets] = (await sumFacets([name], [span], task, ask)).values();
          if (facets !== undefined) onFound(name, { facets, span, source: kind.kind }, []);
        } catch (error) {
          // What was paid for before is printed.
          if (!(error instanceof OperatorError) || signal?.aborted) throw error;
          task.onNone([name], describeError(error));
        }
      }
      return 0;
    } finally {
      await book.close().catch(() => undefined);
      await source.close();
    }
  }

  if (config === undefined) return read(() => undefined);
  return underLock(config.stateDir, context, ({ assertHeld }) => read(assertHeld));
}

/** @throws UsageError if the text is no set of versions. */
function selectVersions(text: string | undefined): FacetTask['isVersion'] {
  const test = text === undefined ? undefined : versionTest(text);
  if (text === undefined || test !== undefined) return test;
  throw new UsageError(`--of ${text}: no set of versions; write it as '2.*' or '>=1.4,<2'`);
}

/** Facets as JSON has them, with all values. */
function facetsJson({ facets, span, warnings }: Found, { by, of }: FacetOptions) {
  const { total, [by]: list } = facets;
  const series = by === 'version' ? bySeries(facets.version) : undefined;
  return { from: span.start, to: addDays(span.end, -1), of, total, [by]: list, series, warnings };
}

/**
 * `show --by`: the non-CI downloads of packages by one facet. Writes nothing but what it cost.
 *
 * @returns 1 if there are none of a package.
 * @throws UsageError if the command line is wrong.
 */
export async function showFacets(asking: Asking, options: FacetOptions, context: Context) {
  const { stdout, stderr, env } = context;
  const { by, json, markdown } = options;
  if (json && markdown) throw new UsageError('--json and --markdown: choose one');
  const { billed, name: counted } = traitsOf(asking.source, env);
  const faults = new Map<string, string>();
  const found: Found[] = [];
  const onNone = (names: readonly string[], why: string) => {
    for (const name of names) faults.set(name, why);
  };
  const onFound = (name: string, dated: DatedFacets, warnings: readonly Warning[]) => {
    if (dated.facets.total === 0) onNone([name], NOTHING);
    else found.push({ name, ...dated, warnings: kindWarning(dated, warnings) });
  };
  const reading = { asking, options, isVersion: selectVersions(options.of), onNone, onFound };
  const exitCode = await (billed ? readPaid(reading, context) : readFree(reading, context));
  if (json) {
    const packages = Object.fromEntries(found.map((each) => [each.name, facetsJson(each, options)]));
    stdout.write(formatJson({ source: asking.source.kind, by, packages }));
  } else {
    const style = styleOf(stdout, env);
    stdout.write(found.map((each) => render(each, options, asking, counted, style)).join('\n'));
  }
  for (const line of bySentence(faults)) say(stderr, env, line);
  return exitCode || (faults.size > 0 ? 1 : 0);
}
