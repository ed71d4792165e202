import type { Config } from '../config/config.ts';
import { EXCLUSIONS } from '../metric/classes.ts';
import type { Health, Standing } from '../publish/health.ts';
import { MS_PER_DAY } from '../util.ts';

/** A value of a metric, under labels; NaN if it is not known. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** The only value of a metric. */
const only = (value = Number.NaN): readonly Sample[] => [[{}, value]];

const seconds = (instant: string | undefined) => Date.parse(instant ?? '') / 1000;

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function renderSample(name: string, [labels, value]: Sample): string {
  const list = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  return `${name}${list.length === 0 ? '' : `{${list.join(',')}}`} ${value}\n`;
}

/** A metric without any value is left out, HELP and TYPE included. */
function metric(name: string, help: string, samples: readonly Sample[]): string {
  const full = `pypi_badges_${name}`;
  const known = samples.filter(([, value]) => Number.isFinite(value));
  if (known.length === 0) return '';
  const lines = known.map((sample) => renderSample(full, sample)).join('');
  return `# HELP ${full} ${help}\n# TYPE ${full} gauge\n${lines}`;
}

/** What the metrics of a run are. */
const RUN_HELP = {
  run_start_timestamp_seconds: 'When the last run started.',
  run_end_timestamp_seconds: 'When the last run finished.',
  run_duration_seconds: 'How long the last run took.',
  upstream_last_day_timestamp_seconds: 'Midnight UTC of the newest day that the table had.',
  upstream_missing_days: 'Days within the windows on which the table has no rows.',
  upstream_partial_days: 'Days within the windows of which the table has only a part.',
  upstream_excess_days: 'Days within the windows with more than twice the usual rows.',
  stale_threshold_seconds: 'How far before yesterday the figures of a package may end before it is stale.',
};

/** Those of packages, and of groups, whose sums must not be added to those of packages. */
const STANDING_HELP = {
  last_success_timestamp_seconds: 'When the badges of the {what} were last made.',
  last_attempt_timestamp_seconds: 'When the {what} was last tried.',
  failed: 'Whether the last attempt failed, or there was none.',
  error: 'The kind of the fault that the last attempt met.',
  counted_to_timestamp_seconds: 'Midnight UTC of the newest day in the figures of the {what}.',
  warning: 'What may make the figures of the {what} untrue.',
  downloads: 'Non-CI downloads within the window.',
  excluded_downloads: 'Downloads within the window that do not count, by class.',
  billed_bytes: 'Bytes that the last reading of the {what} billed.',
  scanned_days: 'Days that the last reading of the {what} scanned.',
  query_duration_seconds: 'How long the last reading of the {what} took.',
};

function samplesOf({ state, entry }: Standing): Record<keyof typeof STANDING_HELP, readonly Sample[]> {
  const { failure, query, warnings = [], windows = [] } = entry ?? {};
  const labelsOf = (windowDays: number) => ({ window_days: String(windowDays) });
  return {
    last_success_timestamp_seconds: only(seconds(entry?.lastSuccess)),
    last_attempt_timestamp_seconds: only(seconds(entry?.attempted)),
    failed: only(state === 'failed' || state === 'new' ? 1 : 0),
    error: failure?.code === undefined ? [] : [[{ error_code: failure.code }, 1]],
    counted_to_timestamp_seconds: only(seconds(entry?.countedTo)),
    warning: [...new Set(warnings.map(({ code }) => code))].map((warning) => [{ warning }, 1]),
    downloads: windows.map(({ windowDays, breakdown }) => [labelsOf(windowDays), breakdown.count]),
    excluded_downloads: windows.flatMap(({ windowDays, breakdown: { excluded } }) =>
      EXCLUSIONS.map((reason): Sample => [{ ...labelsOf(windowDays), class: reason }, excluded[reason]]),
    ),
    billed_bytes: only(query?.bytesBilled),
    scanned_days: only(query?.daysScanned),
    query_duration_seconds: only(query && query.durationMs / 1000),
  };
}

function standingMetrics(what: 'package' | 'group', standings: readonly Standing[]): string[] {
  const own = standings.filter(({ isGroup }) => isGroup === (what === 'group'));
  const known = own.map((standing) => [{ [what]: standing.name }, samplesOf(standing)] as const);
  return Object.entries(STANDING_HELP).map(([name, help]) => {
    const samples = known.flatMap(([whose, { [name as keyof typeof STANDING_HELP]: values }]) =>
      values.map(([labels, value]): Sample => [{ ...whose, ...labels }, value]),
    );
    return metric(`${what}_${name}`, help.replaceAll('{what}', what), samples);
  });
}

/**
 * The health file in the Prometheus text format, version 0.0.4, for node_exporter's textfile collector
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Every metric is a gauge: the collector
 * is not running when it is read. docs/operations.md describes them.
 */
export function renderPrometheus(config: Config, health: Health, states: readonly Standing[]): string {
  const { lastDay, missingDays, partialDays, excessDays } = health.upstream;
  /** A table that told nothing did not tell that no day is missing. */
  const count = (days: readonly string[]) => (lastDay === null ? Number.NaN : days.length);
  const [start, end] = [seconds(health.started), seconds(health.finished)];
  const ofRun: Record<keyof typeof RUN_HELP, number> = {
    run_start_timestamp_seconds: start,
    run_end_timestamp_seconds: end,
    run_duration_seconds: Math.round((end - start) * 1000) / 1000,
    upstream_last_day_timestamp_seconds: seconds(lastDay ?? undefined),
    upstream_missing_days: count(missingDays),
    upstream_partial_days: count(partialDays),
    upstream_excess_days: count(excessDays),
    stale_threshold_seconds: (config.staleThresholdDays * MS_PER_DAY) / 1000,
  };
  return [
    ...Object.entries(RUN_HELP).map(([name, help]) =>
      metric(name, help, only(ofRun[name as keyof typeof RUN_HELP])),
    ),
    ...standingMetrics('package', states),
    ...standingMetrics('group', states),
  ].join('');
}
