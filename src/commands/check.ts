import { loadConfig, type TrackedPackage } from '../config/config.ts';
import { plural } from '../format.ts';
import { kindOf, traitsOf } from '../sources/index.ts';
import { GIB } from '../util.ts';
import type { Context, GlobalOptions } from './context.ts';
import { left, renderTable, styleOf, wrap } from './output.ts';

function trackedName({ name, members }: TrackedPackage): string {
  return members === undefined ? name : `${name} = ${members.join(' + ')}`;
}

/** `check`: validates tracked.yaml without network and prints what would be tracked. */
export async function check(options: GlobalOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  const { source, budgetBytes } = config;
  const budget = budgetBytes === null ? 'no limit' : `${budgetBytes / GIB} GiB a month`;
  const facts = [
    ...(await kindOf(source).describe(source, context.env)),
    ...(traitsOf(source, context.env).billed ? [['budget', budget]] : []),
    ['output_dir', config.outputDir],
    ['state_dir', config.stateDir],
    ...(config.compareChart === undefined ? [] : [['compare_chart', config.compareChart.join(', ')]]),
    ...(config.publicUrl === undefined ? [] : [['public_url', config.publicUrl]]),
  ];
  const width = Math.max(...facts.map(([name = '']) => name.length));
  const lines = facts.map(([name = '', value]) => `${name.padEnd(width)}  ${value}\n`);
  const { packages, groups } = config;
  const rows = [...packages, ...groups].map((tracked) => [
    trackedName(tracked),
    tracked.windows.map((days) => `${days}d`).join(', '),
  ]);
  const style = styleOf(context.stdout, context.env);
  const table = renderTable([left('package'), left('windows')], rows, style);
  const count = `${plural(packages.length, 'package')}${groups.length === 0 ? '' : `, ${plural(groups.length, 'group')}`}`;
  context.stdout.write(wrap(`${options.config} is valid: ${count}\n\n${lines.join('')}\n${table}`, style));
  return 0;
}
