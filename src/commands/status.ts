import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { OperatorError, UsageError } from '../errors/error.ts';
import { formatAge, formatJson, formatNumber } from '../format.ts';
import { HEALTH_FILE, type Health, isSuccess, readHealth } from '../publish/health.ts';
import type { Context, GlobalOptions } from './context.ts';
import { type PackageStatus, packageStates } from './health-state.ts';
import { renderPrometheus } from './prometheus.ts';
import { stateTone } from './results.ts';
import { type Column, renderTable, type TableStyle, tableStyle } from './table.ts';

export interface StatusOptions extends GlobalOptions {
  readonly json?: boolean;
  readonly prometheus?: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: 'package', align: 'left', shrinks: true },
  { title: 'window', align: 'right' },
  { title: 'honest', align: 'right' },
  { title: 'last success', align: 'left' },
  { title: 'state', align: 'left', tone: stateTone },
];

function toJson(health: Health, states: readonly PackageStatus[], healthy: boolean) {
  return {
    healthy,
    started: health.started,
    finished: health.finished,
    upstream: health.upstream,
    packages: Object.fromEntries(
      states.map(({ name, state, entry, ageMs }) => [
        name,
        {
          state,
          ...(entry === undefined ? {} : { window_days: entry.window_days }),
          ...(entry !== undefined && isSuccess(entry) ? { count: entry.count } : {}),
          ...(entry?.attempted === undefined ? {} : { attempted: entry.attempted }),
          ...(entry?.last_success === undefined ? {} : { last_success: entry.last_success }),
          ...(ageMs === undefined ? {} : { age_seconds: Math.floor(ageMs / 1000) }),
          ...(entry !== undefined && !isSuccess(entry)
            ? { error: entry.error, error_code: entry.error_code }
            : {}),
        },
      ]),
    ),
  };
}

function cells({ name, state, entry, ageMs }: PackageStatus): string[] {
  const honest = entry !== undefined && isSuccess(entry) ? formatNumber(entry.count) : '-';
  const window = entry === undefined ? '-' : `${entry.window_days}d`;
  return [name, window, honest, ageMs === undefined ? 'never' : formatAge(ageMs), state];
}

function render(health: Health, states: readonly PackageStatus[], now: Date, style: TableStyle): string {
  const age = now.getTime() - Date.parse(health.finished);
  const run = `last run: ${health.finished}${Number.isNaN(age) ? '' : ` (${formatAge(age)})`}`;
  const day = health.upstream?.last_day;
  const table = day ? `, table up to ${day}` : '';
  const errors = states.flatMap(({ name, entry }) =>
    entry !== undefined && !isSuccess(entry) ? [`\n${name}: ${entry.error}\n`] : [],
  );
  return `${run}${table}\n\n${renderTable(COLUMNS, states.map(cells), style)}${errors.join('')}`;
}

async function lastHealth(config: Config): Promise<Health> {
  const health = await readHealth(config.outputDir);
  const path = join(config.outputDir, HEALTH_FILE);
  if (health === undefined)
    throw new OperatorError('no-health', `${path}: there is none yet; run: pypi-badges collect`);
  if (health === 'unreadable') {
    throw new OperatorError('no-health', `${path}: it is not a health file; the next run replaces it`);
  }
  return health;
}

/** `status`: how the packages stand, from the last run's health file. Exits 1 if any is not well. */
export async function status(options: StatusOptions, context: Context): Promise<number> {
  if (options.json && options.prometheus) {
    throw new UsageError('--json and --prometheus: choose one of them');
  }
  const config = loadConfig(options.config, context.cwd);
  const health = await lastHealth(config);
  const now = context.now();
  const states = packageStates(config, health, now);
  const healthy = states.every(({ state }) => state === 'ok');
  if (options.json) context.stdout.write(formatJson(toJson(health, states, healthy)));
  else if (options.prometheus) context.stdout.write(renderPrometheus(config, health, states));
  else context.stdout.write(render(health, states, now, tableStyle(context.stdout, context.env)));
  return healthy ? 0 : 1;
}
