import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bigQueryProject } from '../support/bigquery-project.ts';
import type { Fault, ServerRow, Trouble } from '../support/bigquery-server.ts';

/*
 * Whatever goes wrong with whatever request, a badge says what an independent count of the whole table says of the days up
 * to the one that it is counted to, and that day never goes back.
 */

const DAY_MS = 86_400_000;
const START = Date.parse('2026-09-01T06:00:00Z');
const text = (day: number) => new Date(START + day * DAY_MS).toISOString().slice(0, 10);
const PACKAGES = ['alpha', 'beta', 'gamma'];
const HISTORY = 60;

const rows = (
  change: (body: Record<string, unknown>, list: unknown[]) => Record<string, unknown>,
): Fault => ({
  change: (body) => change(body, (body['rows'] ?? []) as unknown[]),
});
const FAULTS: readonly Fault[] = [
  'reset',
  'lost',
  'broken',
  { status: 400, reason: 'brandNew' },
  { status: 403, reason: 'accessDenied' },
  { status: 429, reason: 'rateLimitExceeded' },
  { status: 500, reason: 'backendError' },
  { status: 503 },
  { status: 404, reason: 'notFound' },
  { status: 418 },
  { answer: '<html>sign in</html>', type: 'text/html' },
  { answer: '{}' },
  { answer: '{"jobComplete":true}' },
  { jobFails: { reason: 'jobInternalError', message: 'odd' } },
  { jobFails: { reason: 'resourcesExceeded', message: 'odd' } },
  { jobFails: { reason: 'brandNew', message: 'odd' } },
  rows((body, list) => ({ ...body, rows: list.slice(1) })),
  rows((body, list) => ({ ...body, rows: [...list, ...list], totalRows: String(2 * list.length) })),
  rows((body, list) => ({ ...body, rows: list.slice(0, -1), totalRows: String(list.length) })),
];

const trouble: fc.Arbitrary<Trouble> = fc.record(
  {
    on: fc.constantFrom('insert', 'results', 'job', 'dryRun'),
    revisions: fc.boolean(),
    package: fc.constantFrom(...PACKAGES),
    times: fc.constantFrom(1, 2, 99),
    fault: fc.constantFrom(...FAULTS),
  },
  { requiredKeys: ['on', 'fault'] },
) as fc.Arbitrary<Trouble>;

const run = fc.record({
  troubles: fc.array(trouble, { maxLength: 3 }),
  /** Newest days that the table lacks. */
  late: fc.constantFrom(0, 0, 0, 1, 3, 9),
  /** Days since the run before. */
  after: fc.constantFrom(1, 1, 2, 5),
});

/** Downloads of a package on a day; a few have none. */
const downloads = (seed: number, project: string, day: number) =>
  (Math.imul(seed + day * 31 + project.length * 7, 2654435761) >>> 8) % 50;

const RUNS = Number(process.env['YEAR_RUNS'] ?? 25);

it(`keeps every badge right through ${RUNS} random histories with random faults`, async () => {
  const check = async (
    seed: number,
    runs: readonly { troubles: Trouble[]; late: number; after: number }[],
  ) => {
    const table = (first: number, end: number): ServerRow[] =>
      PACKAGES.flatMap((project) =>
        Array.from({ length: end - first }, (_, index) => ({
          project,
          day: text(first + index),
          installer: 'pip',
          system: 'Linux',
          downloads: downloads(seed, project, first + index) + 1,
        })),
      );
    const project = await bigQueryProject(PACKAGES, {}, { source: 'query_timeout_seconds: 3' });
    const countedTo = new Map<string, string>();
    let today = 0;
    for (const { troubles, late, after } of runs) {
      today += after;
      const now = new Date(START + today * DAY_MS);
      project.server.become({ rows: table(today - HISTORY, today - late), trouble: troubles, date: now });
      await project.within({ now: () => now }, 'collect', '--no-page', '--log-level', 'silent');
      for (const name of PACKAGES) {
        const to: string | undefined = project.entry(name).counted_to;
        if (to === undefined) continue;
        expect(to >= (countedTo.get(name) ?? '')).toBe(true);
        countedTo.set(name, to);
        const last = Math.round((Date.parse(`${to}T06:00:00Z`) - START) / DAY_MS);
        const expected = Array.from({ length: 7 }, (_, index) => downloads(seed, name, last - index) + 1);
        const sum = expected.reduce((total, each) => total + each, 0);
        expect([name, to, project.message(name, 'downloads-7d')]).toEqual([name, to, String(sum)]);
      }
    }
  };
  await fc.assert(fc.asyncProperty(fc.nat(1_000_000), fc.array(run, { minLength: 2, maxLength: 5 }), check), {
    numRuns: RUNS,
    seed: Number(process.env['YEAR_SEED'] ?? 1),
    endOnFailure: true,
  });
});
