import type { Config } from '../config/config.ts';
import type { Health, QueryFacts } from '../publish/health.ts';
import type { Standing } from '../publish/health-merge.ts';
import { MS_PER_DAY } from '../units.ts';
import { EXCLUSIONS } from '../winnow/classes.ts';

/** A value of a metric, under labels. */
interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
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
function renderMetric({ name, help, samples }: Metric): string {
  const known = samples.filter(({ value }) => Number.isFinite(value));
  if (known.length === 0) return '';
  const lines = known.map((sample) => renderSample(name, sample)).join('');
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines}`;
}

/** What is told of packages, and in the same way of groups, whose sums must not be added to those of packages. */
function standingMetrics(states: readonly Standing[], what: 'package' | 'group'): Metric[] {
  const each = (value: (standing: Standing) => number): Sample[] =>
    states.map((standing) => ({ labels: { [what]: standing.name }, value: value(standing) }));
  const windows = states.flatMap(({ name, entry }) =>
    (entry?.windows ?? []).map(({ windowDays, breakdown }) => ({
      breakdown,
      labels: { [what]: name, window_days: String(windowDays) },
    })),
  );
  return [
    {
      name: `${what}_last_success_timestamp_seconds`,
      help: `When the badges of the ${what} were last made.`,
      samples: each(({ entry }) => seconds(entry?.lastSuccess)),
    },
    {
      name: `${what}_last_attempt_timestamp_seconds`,
      help: `When the ${what} was last tried.`,
      samples: each(({ entry }) => seconds(entry?.attempted)),
    },
    {
      name: `${what}_failed`,
      help: 'Whether the last attempt failed, or there was none.',
      samples: each(({ state }) => (state === 'failed' || state === 'new' ? 1 : 0)),
    },
    {
      name: `${what}_error`,
      help: 'The kind of the fault that the last attempt met.',
      samples: states.flatMap(({ name, entry }) =>
        entry?.failure?.code === undefined
          ? []
          : [{ labels: { [what]: name, error_code: entry.failure.code }, value: 1 }],
      ),
    },
    {
      name: `${what}_counted_to_timestamp_seconds`,
      help: `Midnight UTC of the newest day in the figures of the ${what}.`,
      samples: each(({ entry }) => seconds(entry?.countedTo)),
    },
    {
      name: `${what}_warning`,
      help: `What may make the figures of the ${what} untrue.`,
      samples: states.flatMap(({ name, entry }) =>
        [...new Set(entry?.warnings.map(({ code }) => code))].map((code) => ({
          labels: { [what]: name, warning: code },
          value: 1,
        })),
      ),
    },
    {
      name: `${what}_downloads`,
      help: 'Honest downloads within the window.',
      samples: windows.map(({ breakdown, labels }) => ({ labels, value: breakdown.count })),
    },
    {
      name: `${what}_excluded_downloads`,
      help: 'Downloads within the window that do not count, by class.',
      samples: windows.flatMap(({ breakdown, labels }) =>
        EXCLUSIONS.map((reason) => ({
          labels: { ...labels, class: reason },
          value: breakdown.excluded[reason],
        })),
      ),
    },
  ];
}

/**
 * The health file in the Prometheus text format, version 0.0.4, for node_exporter's textfile collector
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Every metric is a gauge: the collector
 * is not running when it is read. docs/operations.md describes them.
 */
export function renderPrometheus(config: Config, health: Health, states: readonly Standing[]): string {
  const one = (value: number): Sample[] => [{ labels: {}, value }];
  const [packages, groups] = [
    states.filter(({ isGroup }) => !isGroup),
    states.filter(({ isGroup }) => isGroup),
  ];
  const query = (value: (query: QueryFacts) => number): Sample[] =>
    packages.flatMap(({ name, entry }) =>
      entry?.query === undefined ? [] : [{ labels: { package: name }, value: value(entry.query) }],
    );
  const { lastDay, missingDays, partialDays } = health.upstream;
  /** A table that told nothing did not tell that no day is missing. */
  const ofDays = (days: readonly string[]) => one(lastDay === null ? Number.NaN : days.length);
  const start = seconds(health.started);
  const end = seconds(health.finished);
  const metrics: Metric[] = [
    { name: 'run_start_timestamp_seconds', help: 'When the last run started.', samples: one(start) },
    { name: 'run_end_timestamp_seconds', help: 'When the last run finished.', samples: one(end) },
    {
      name: 'run_duration_seconds',
      help: 'How long the last run took.',
      samples: one(Math.round((end - start) * 1000) / 1000),
    },
    {
      name: 'upstream_last_day_timestamp_seconds',
      help: 'Midnight UTC of the newest day that the table had.',
      samples: one(seconds(lastDay ?? undefined)),
    },
    {
      name: 'upstream_missing_days',
      help: 'Days within the windows on which the table has no rows.',
      samples: ofDays(missingDays),
    },
    {
      name: 'upstream_partial_days',
      help: 'Days within the windows of which the table has only a part.',
      samples: ofDays(partialDays),
    },
    {
      name: 'stale_threshold_seconds',
      help: 'How far before yesterday the figures of a package may end before it is stale.',
      samples: one((config.staleThresholdDays * MS_PER_DAY) / 1000),
    },
    ...standingMetrics(packages, 'package'),
    ...standingMetrics(groups, 'group'),
    {
      name: 'package_billed_bytes',
      help: 'Bytes that the last reading of the package billed.',
      samples: query(({ bytesBilled }) => bytesBilled),
    },
    {
      name: 'package_scanned_days',
      help: 'Days that the last reading of the package scanned.',
      samples: query(({ daysScanned }) => daysScanned),
    },
    {
      name: 'package_query_duration_seconds',
      help: 'How long the last reading of the package took.',
      samples: query(({ durationMs }) => durationMs / 1000),
    },
  ];
  return metrics.map((metric) => renderMetric({ ...metric, name: `pypi_badges_${metric.name}` })).join('');
}
