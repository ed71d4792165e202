import type { Config } from '../config/config.ts';
import { EXCLUSIONS } from '../metric/classes.ts';
import type { Health, Standing } from '../publish/health.ts';
import { MS_PER_DAY } from '../util.ts';

/** A value of a metric, under labels. */
interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const seconds = (instant: string | undefined) => Date.parse(instant ?? '') / 1000;

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function renderSample(name: string, { labels, value }: Sample): string {
  const list = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${list.length === 0 ? '' : `{${list.join(',')}}`} ${value}\n`;
}

/** A metric without any value is left out, HELP and TYPE included. */
function metric(name: string, help: string, samples: readonly Sample[]): string {
  const full = `pypi_badges_${name}`;
  const known = samples.filter(({ value }) => Number.isFinite(value));
  if (known.length === 0) return '';
  const lines = known.map((sample) => renderSample(full, sample)).join('');
  return `# HELP ${full} ${help}\n# TYPE ${full} gauge\n${lines}`;
}

/** Values under labels beside the name; one that is not known is NaN. */
type Values = number | readonly (readonly [labels: Sample['labels'], value: number])[];

/** What makes metrics of packages, or of groups, whose sums must not be added to those of packages. */
function metricsOf(what: 'package' | 'group', states: readonly Standing[]) {
  return (name: string, help: string, valuesOf: (standing: Standing) => Values): string => {
    const samples = states.flatMap((standing) => {
      const values = valuesOf(standing);
      const list = typeof values === 'number' ? ([[{}, values]] as const) : values;
      return list.map(([labels, value]) => ({ labels: { [what]: standing.name, ...labels }, value }));
    });
    return metric(`${what}_${name}`, help.replaceAll('{what}', what), samples);
  };
}

function standingMetrics(each: ReturnType<typeof metricsOf>): string[] {
  const windows = (standing: Standing) =>
    (standing.entry?.windows ?? []).map(
      ({ windowDays, breakdown }) => [{ window_days: String(windowDays) }, breakdown] as const,
    );
  return [
    each('last_success_timestamp_seconds', 'When the badges of the {what} were last made.', ({ entry }) =>
      seconds(entry?.lastSuccess),
    ),
    each('last_attempt_timestamp_seconds', 'When the {what} was last tried.', ({ entry }) =>
      seconds(entry?.attempted),
    ),
    each('failed', 'Whether the last attempt failed, or there was none.', ({ state }) =>
      state === 'failed' || state === 'new' ? 1 : 0,
    ),
    each('error', 'The kind of the fault that the last attempt met.', ({ entry }) =>
      entry?.failure?.code === undefined ? [] : [[{ error_code: entry.failure.code }, 1]],
    ),
    each(
      'counted_to_timestamp_seconds',
      'Midnight UTC of the newest day in the figures of the {what}.',
      ({ entry }) => seconds(entry?.countedTo),
    ),
    each('warning', 'What may make the figures of the {what} untrue.', ({ entry }) =>
      [...new Set(entry?.warnings.map(({ code }) => code))].map((warning) => [{ warning }, 1]),
    ),
    each('downloads', 'Non-CI downloads within the window.', (standing) =>
      windows(standing).map(([labels, { count }]) => [labels, count]),
    ),
    each('excluded_downloads', 'Downloads within the window that do not count, by class.', (standing) =>
      windows(standing).flatMap(([labels, { excluded }]) =>
        EXCLUSIONS.map((reason) => [{ ...labels, class: reason }, excluded[reason]] as const),
      ),
    ),
  ];
}

/**
 * The health file in the Prometheus text format, version 0.0.4, for node_exporter's textfile collector
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Every metric is a gauge: the collector
 * is not running when it is read. docs/operations.md describes them.
 */
export function renderPrometheus(config: Config, health: Health, states: readonly Standing[]): string {
  const one = (name: string, help: string, value: number) => metric(name, help, [{ labels: {}, value }]);
  const { lastDay, missingDays, partialDays, excessDays } = health.upstream;
  /** A table that told nothing did not tell that no day is missing. */
  const count = (days: readonly string[]) => (lastDay === null ? Number.NaN : days.length);
  const [start, end] = [seconds(health.started), seconds(health.finished)];
  const [packages, groups] = [
    states.filter(({ isGroup }) => !isGroup),
    states.filter(({ isGroup }) => isGroup),
  ];
  const each = metricsOf('package', packages);
  return [
    one('run_start_timestamp_seconds', 'When the last run started.', start),
    one('run_end_timestamp_seconds', 'When the last run finished.', end),
    one('run_duration_seconds', 'How long the last run took.', Math.round((end - start) * 1000) / 1000),
    one(
      'upstream_last_day_timestamp_seconds',
      'Midnight UTC of the newest day that the table had.',
      seconds(lastDay ?? undefined),
    ),
    one(
      'upstream_missing_days',
      'Days within the windows on which the table has no rows.',
      count(missingDays),
    ),
    one(
      'upstream_partial_days',
      'Days within the windows of which the table has only a part.',
      count(partialDays),
    ),
    one(
      'upstream_excess_days',
      'Days within the windows with more than twice the usual rows.',
      count(excessDays),
    ),
    one(
      'stale_threshold_seconds',
      'How far before yesterday the figures of a package may end before it is stale.',
      (config.staleThresholdDays * MS_PER_DAY) / 1000,
    ),
    ...standingMetrics(each),
    ...standingMetrics(metricsOf('group', groups)),
    each(
      'billed_bytes',
      'Bytes that the last reading of the package billed.',
      ({ entry }) => entry?.query?.bytesBilled ?? Number.NaN,
    ),
    each(
      'scanned_days',
      'Days that the last reading of the package scanned.',
      ({ entry }) => entry?.query?.daysScanned ?? Number.NaN,
    ),
    each(
      'query_duration_seconds',
      'How long the last reading of the package took.',
      ({ entry }) => (entry?.query?.durationMs ?? Number.NaN) / 1000,
    ),
  ].join('');
}
