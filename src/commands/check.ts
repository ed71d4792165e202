import { basename } from 'node:path';
import {
  asGroup,
  type Config,
  type SourceConfig,
  type TrackedGroup,
  type TrackedPackage,
} from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { printable } from '../errors/sanitize.ts';
import { nameSome, plural } from '../format.ts';
import { findFiles } from '../sources/duckdb/files.ts';
import { SourceError } from '../sources/source.ts';
import type { Context, GlobalOptions } from './context.ts';
import { renderTable } from './table.ts';

type Lines = [string, string][];

/** Which local files are read, or why none can be. */
function filesLine(pattern: string): string {
  try {
    const files = findFiles(pattern);
    return printable(`${plural(files.length, 'file')}: ${nameSome(files.map((file) => basename(file)))}`);
  } catch (error) {
    if (error instanceof SourceError) return error.message;
    throw error;
  }
}

/** What a source is asked with, for each kind. */
const SOURCE_LINES: {
  readonly [K in SourceConfig['kind']]: (source: Extract<SourceConfig, { kind: K }>, config: Config) => Lines;
} = {
  bigquery: ({ table, location, credentialFile }, { monthlyBudgetGib }) => [
    ['source', `bigquery, ${table} in ${location}`],
    ['credentials', credentialFile ?? 'Application Default Credentials'],
    ['budget', monthlyBudgetGib === null ? 'no limit' : `${monthlyBudgetGib} GiB a month`],
  ],
  clickhouse: ({ url, table, user }) => [
    ['source', `clickhouse, ${table} at ${url}`],
    ['user', user],
  ],
  duckdb: ({ files }) => [
    ['source', `duckdb, ${files}`],
    ['files', filesLine(files)],
  ],
};

function sourceLines(config: Config): Lines {
  const { source } = config;
  return (SOURCE_LINES[source.kind] as (source: SourceConfig, config: Config) => Lines)(source, config);
}

function trackedName(tracked: TrackedPackage | TrackedGroup): string {
  const group = asGroup(tracked);
  return group === undefined ? tracked.name : `${group.name} = ${group.members.join(' + ')}`;
}

/** `check`: validates tracked.yaml without network and prints what would be tracked. */
export function check(options: GlobalOptions, context: Context): number {
  const config = loadConfig(options.config, context.cwd);
  const facts = [
    ...sourceLines(config),
    ['output_dir', config.outputDir],
    ['state_dir', config.stateDir],
    ...(config.publicUrl === undefined ? [] : [['public_url', config.publicUrl]]),
  ];
  const width = Math.max(...facts.map(([name = '']) => name.length));
  const table = renderTable(
    [
      { title: 'package', align: 'left' },
      { title: 'windows', align: 'left' },
    ],
    [...config.packages, ...config.groups].map((tracked) => [
      trackedName(tracked),
      tracked.windows.map((days) => `${days}d`).join(', '),
    ]),
  );
  const { packages, groups } = config;
  const count = `${plural(packages.length, 'package')}${groups.length === 0 ? '' : `, ${plural(groups.length, 'group')}`}`;
  context.stdout.write(`${options.config} is valid: ${count}\n\n`);
  context.stdout.write(
    `${facts.map(([name = '', value]) => `${name.padEnd(width)}  ${value}\n`).join('')}\n`,
  );
  context.stdout.write(table);
  return 0;
}
