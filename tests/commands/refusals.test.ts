import { expect, it } from 'vitest';
import { openProject } from '../support/project.ts';

/** A list of which alpha has a total and beta has none. */
const LIST = `service: {output_dir: out, public_url: "https://badges.example.com"}
packages: [{name: alpha, badges: {extra: [total]}}, beta]
`;

/** Command lines that cannot be meant, and what is said of each. */
const REFUSED = `
  collect --as-of 2026-04-26 => --as-of 2026-04-26: today is 2026-04-25 (UTC), and days that are not over do not count
  collect --as-of 2026-02-29 => --as-of 2026-02-29: not a day; write it as YYYY-MM-DD, such as 2026-04-25
  collect --package alhpa => --package alhpa: not tracked in tracked.yaml; did you mean alpha?
  collect --wait soon => --wait soon: expected a number of minutes from 0 to 600
  show alpha --days 0 => --days 0: expected a whole number of days from 1 to 365
  show alpha --days x => --days x: expected a whole number
  show alpha --source pepy => argument 'pepy' is invalid. Allowed choices are bigquery, clickhouse, duckdb.
  show ../alpha => ../alpha: not a package name
  show alpha --as-of 2026-12-01 => --as-of 2026-12-01: today is 2026-04-25
  show alpha --source duckdb => duckdb.files: is missing
  show alpha --of 2.* => --of, --markdown and --yes go with --by
  show alpha --markdown => go with --by
  show alpha --by python --of main => --of main: no set of versions
  show alpha --by python --json --markdown => choose one
  show alpha --by shoe => Allowed choices are python, version, system, type, country
  show alpha --cite --json => cannot be used with
  show alpha --cite --by python => cannot be used with
  compare a!b => a!b: not a package name
  compare alpha old => too many arguments
  status --json --prometheus => --json and --prometheus: choose one of them
  embed --badge installer-vu => --badge installer-vu: unknown; did you mean installer-uv? choose from downloads, 
  embed --badge stars => --badge stars: unknown; choose from downloads, installer-pip, 
  embed -p beta -b trend => --badge trend: tracked.yaml does not ask for it for beta; write under badges: extra: [trend]
  embed -b python-3-9 => does not ask for it for alpha, beta; write under badges: extra: [python>=3.9]
  embed -b compare-indexed => --badge compare-indexed: tracked.yaml does not ask for it; write compare_chart: [a, b]
  embed --format bbcode => argument 'bbcode' is invalid. Allowed choices are markdown, rst, html, url.
  embed --package alhpa => --package alhpa: not tracked in tracked.yaml
  embed --write => --write replaces badges of a README: name it with --from <file>
  embed --from README -p alpha => cannot be used with option '-p, --package <name>'
  embed --from README => --from README: there is no such file
  export --format xml => argument 'xml' is invalid. Allowed choices are csv, json, parquet.
  export --format parquet => --format parquet is no text: name a file with --output <file>
  export -p gamma => --package gamma: not tracked
  backfill --from yesterday => not a day; write it as YYYY-MM-DD
  backfill --from 2026-04-25 => expected a day from 2018-07-26 to yesterday
  backfill --from 2018-07-25 --yes => half of the rows before 2018-07-26 are missing
  backfill --from 2026-01-01 -p gamma => gamma: not tracked
  backfill => required option '--from <YYYY-MM-DD>' not specified
  backfill --from 2026-01-01 -p beta => asks for no total of beta
`
  .trim()
  .split('\n')
  .map((line) => line.trimStart().split(' => '));

it.each(REFUSED)('%s is refused, and nothing is asked or written', async (line, says) => {
  const nowhere = { BIGQUERY_EMULATOR_HOST: '127.0.0.1:1', CLICKHOUSE_URL: 'http://127.0.0.1:1' };
  const { put, run, files } = openProject(nowhere);
  put('tracked.yaml', LIST);
  const { exitCode, stdout, stderr } = await run(...String(line).split(' '));
  expect([exitCode, stdout, stderr]).toEqual([2, '', expect.stringContaining(String(says))]);
  expect(files()).toEqual({ 'tracked.yaml': LIST });
});
