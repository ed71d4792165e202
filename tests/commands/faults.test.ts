import { expect, it } from 'vitest';
import { bigQueryProject, SECRET } from '../support/bigquery-project.ts';
import type { Trouble } from '../support/bigquery-server.ts';
import { expectCalm } from '../support/calm.ts';

/* Each kind of consequence once. Which fault has which is told by the tests of `sources/bigquery/`. */

const PACKAGES = ['alpha', 'broken', 'gamma'];
const HERO = 'output/broken/downloads-7d-non-ci.json';
const OLD = '{"old": "badge"}\n';
const leaky = `no -----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY----- for Bearer ya29.abc`;

async function collect(trouble: Trouble, source?: string) {
  const options = { trouble: [trouble], pageRows: 5 };
  const project = await bigQueryProject(PACKAGES, options, source === undefined ? {} : { source });
  project.put(HERO, OLD);
  const result = await project.run('collect');
  expectCalm(project, result);
  expect(result.exitCode).toBe(1);
  expect(project.read(HERO)).toBe(OLD);
  const [month] = Object.values<{ bytes_billed: number }>(
    JSON.parse(project.read('state/spend.json')).months,
  );
  expect(month?.bytes_billed).toBe(project.server.bytesBilled);
  return { ...project, ...result, ...project.health().packages };
}

it.each<[string, Trouble, string, RegExp, string?]>([
  [
    'a page that fails half-way',
    { on: 'results', package: 'broken', page: 1, fault: { status: 400, reason: 'odd', message: leaky } },
    'source-failed',
    /^BigQuery: the request failed; .* \(BigQuery said: no \[removed\].*\[job pypi-badges_[0-9a-f-]{36}\]$/,
  ],
  [
    'a job that never finishes',
    { on: 'insert', package: 'broken', fault: { looks: 1e9 } },
    'timeout',
    /^BigQuery: the query took longer than 4 seconds and was cancelled.*\[job pypi-badges_[0-9a-f-]{36}\]$/,
    'query_timeout_seconds: 4',
  ],
])(
  'of %s its badge stays, the others are right, and what it billed counts',
  async (_, trouble, code, text, source) => {
    const { alpha, broken, gamma, stdout } = await collect(trouble, source);
    expect(broken).toMatchObject({ error_code: code, error: expect.stringMatching(text) });
    expect([alpha.count, gamma.count]).toEqual([7, 7]);
    expect(stdout).toContain('broken: ');
  },
);

it('what every package would meet is told once for all that it kept from being tried, and not in public', async () => {
  const names = Array.from({ length: 50 }, (_, index) => `package-${index}`);
  const fault = { status: 401, reason: 'authError', message: leaky };
  const project = await bigQueryProject(names, { trouble: [{ on: 'insert', fault }] });
  const result = await project.run('collect');
  expectCalm(project, result);
  expect(result.exitCode).toBe(1);
  expect(project.server.calls).toHaveLength(1);
  const cause = 'not attempted: BigQuery: Google refused the credentials';
  expect(result.stdout).toContain(`\n50 packages: ${cause}`);
  const errors = result.stderr.split('\n').filter((line) => line.includes('"level":"error"'));
  const told = (about: object, who: string) => {
    return { ...about, error_code: 'credentials-refused', msg: expect.stringContaining(`${who}: ${cause}`) };
  };
  expect(errors.map((line) => JSON.parse(line))).toMatchObject([
    ...names.slice(0, 3).map((name) => told({ package: name }, name)),
    told({ packages: 47 }, '47 more packages'),
  ]);
  expect(project.read('output/index.html')).toContain('Google refused the collector&#39;s credentials');
});
