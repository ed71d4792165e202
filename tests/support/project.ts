import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { addDays, type Day, daysOf, type Span } from '../../src/days/day.ts';
import { type ServerRow as CopyRow, type Options, startClickHouse } from './clickhouse-server.ts';
import { runMain } from './context.ts';
import { type Download, writeNdjson } from './downloads.ts';
import { tempFolder } from './temp-folder.ts';

type World = Parameters<typeof runMain>[2] & {};

/** A folder with a tracked.yaml, as an operator would have it, and the commands that are run in it. */
export function openProject(env: Record<string, string>) {
  const folder = tempFolder();
  const output = join(folder, 'output');
  const within = (world: World, ...argv: string[]) =>
    runMain(folder, argv, { ...world, env: { ...env, ...world.env } });
  const read = (path: string) => readFileSync(join(folder, path), 'utf8');
  const put = (path: string, content: string) => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  /** A JSON file below the output folder. */
  const json = (path: string) => JSON.parse(read(`output/${path}`));
  /** Paths of all files below the folder. */
  const paths = () =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return {
    folder,
    output,
    env,
    put,
    read,
    json,
    within,
    /** Runs a command line at twelve past four in the morning (UTC) of 2026-04-25, or of another day. */
    run: (...argv: string[]) => within({}, ...argv),
    at: (day: Day, ...argv: string[]) => within({ now: () => new Date(`${day}T04:12:00.000Z`) }, ...argv),
    /** The message of a badge, such as `downloads-30d`. */
    message: (name: string, badge: string) => String(json(`${name}/${badge}-non-ci.json`).message),
    health: () => json('_health.json'),
    /** What _health.json has of a package. */
    entry: (name: string) => json('_health.json').packages[name],
    /** Path of a package's ledger. */
    ledger: (name: string) =>
      paths().find((path) => path.startsWith('state/ledger/') && path.endsWith(`/${name}.json`)) ?? '',
    /** Names of the files of a package or group that are published. */
    published: (name: string) => {
      const place = join(output, name);
      return existsSync(place) ? readdirSync(place).toSorted() : [];
    },
    /** What every file below the folder holds, by path. */
    files: (): Record<string, string> =>
      Object.fromEntries(
        paths()
          .filter((path) => existsSync(join(folder, path)))
          .map((path) => [path, read(path)]),
      ),
    /** Every published file with what tells whether it was touched, but for pages, which are drawn anew by every run. */
    prints: (): Record<string, string> =>
      Object.fromEntries(
        paths()
          .filter((path) => /^output\/.*\.(json|svg)$/.test(path))
          .toSorted()
          .map((path) => {
            const { ino, mtimeMs, ctimeMs, size } = statSync(join(folder, path));
            return [path.slice('output/'.length), [ino, mtimeMs, ctimeMs, size].join(' ')];
          }),
      ),
  };
}

/** What tracked.yaml has beside the packages: keys of `service` and of the source in flow style, and whole sections. */
export interface More {
  readonly service?: string;
  readonly source?: string;
  readonly sections?: string;
}

/** The text of a tracked.yaml of a source. `packages` are YAML, one each. */
export const listText = (
  kind: string,
  packages: readonly string[],
  { service, source, sections = '' }: More,
) =>
  [
    `service: {output_dir: output, source: ${kind}${service === undefined ? '' : `, ${service}`}}`,
    ...(source === undefined ? [] : [`${kind}: {${source}}`]),
    ...(sections === '' ? [] : [sections]),
    `packages: [${packages.join(', ')}]\n`,
  ].join('\n');

/** Packages that are counted from a local table. `packages` are YAML, one each. */
export function localProject(packages: readonly string[], downloads: readonly Download[], more: More = {}) {
  const project = openProject({});
  /** Replaces tracked.yaml. */
  const track = (names: readonly string[], { source, ...rest }: More = {}) => {
    const files = `files: rows.ndjson${source === undefined ? '' : `, ${source}`}`;
    project.put('tracked.yaml', listText('duckdb', names, { ...rest, source: files }));
  };
  /** Replaces the table. */
  const table = (rows: readonly Download[]) => writeNdjson(join(project.folder, 'rows.ndjson'), rows);
  table(downloads);
  track(packages, more);
  return { ...project, track, table };
}

/** As many downloads by uv of a package on each day of a span. */
export const daily = (project: string, span: Span, downloads: number) =>
  daysOf(span).map((day) => ({ project, day, installer: 'uv', downloads }));

/** Packages that are counted from ClickHouse, with rows of boto3 on all days of a span, by which days are told. */
export async function clickHouseProject(
  packages: readonly string[],
  { rows = [], days, ...options }: Omit<Options, 'rows'> & { rows?: CopyRow[]; days: Span },
  more: More = {},
) {
  rows.push(...daily('boto3', days, 5_000));
  const server = await startClickHouse({ rows, ...options });
  onTestFinished(() => server.close());
  const project = openProject({ CLICKHOUSE_URL: server.url, LANG: 'C.UTF-8' });
  const track = (names: readonly string[], rest: More = {}) =>
    project.put('tracked.yaml', listText('clickhouse', names, rest));
  track(packages, more);
  /** The questions of a kind. */
  const asked = (kind: string) => server.calls.filter((call) => call.kind === kind);
  return { ...project, track, server, rows, asked };
}

/** What the table has on so many days up to and with `last`. */
export const daysUpTo = (last: Day, count: number) =>
  Array.from({ length: count }, (_, back) => addDays(last, -back));
