import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { plural } from '../format.ts';
import type { Context, GlobalOptions } from './context.ts';
import { renderTable } from './table.ts';

function sourceLines({ source, monthlyBudgetGib }: Config): [string, string][] {
  if (source.kind === 'duckdb') return [['source', `duckdb, ${source.files}`]];
  const budget = monthlyBudgetGib === null ? 'no limit' : `${monthlyBudgetGib} GiB a month`;
  return [
    ['source', `bigquery, ${source.table} in ${source.location}`],
    ['credentials', source.credentialFile ?? 'Application Default Credentials'],
    ['budget', budget],
  ];
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
    config.packages.map(({ name, windows }) => [name, windows.map((days) => `${days}d`).join(', ')]),
  );
  context.stdout.write(`${options.config} is valid: ${plural(config.packages.length, 'package')}\n\n`);
  context.stdout.write(
    `${facts.map(([name = '', value]) => `${name.padEnd(width)}  ${value}\n`).join('')}\n`,
  );
  context.stdout.write(table);
  return 0;
}
