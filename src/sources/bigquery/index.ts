import { z } from 'zod';
import { type CamelKeys, camelKeys, GIB } from '../../util.ts';
import { mapping, matching, querySeconds } from '../fields.ts';
import type { SourceKind } from '../source.ts';

const OWN_PROJECT =
  'a project of your own, which runs and pays for the queries (bigquery-public-data only holds the table)';
const TABLE = 'a table as project.dataset.table, without backticks';
const BUDGET = 'a number of GiB above 0 and up to 1,000,000, or null for no limit';

const section = mapping('a mapping', {
  project_id: matching('a Google Cloud project id', /^[a-z0-9][a-z0-9.:-]*$/)
    .refine((id) => id !== 'bigquery-public-data', { error: OWN_PROJECT })
    .optional()
    .describe('The project that runs the queries. Default: the one in the credentials.'),
  location: matching('a BigQuery location, such as US', /^[A-Za-z0-9-]+$/)
    .default('US')
    .describe('Where the table is. Default US, where the public table is.'),
  table: matching(TABLE, /^[a-z0-9][a-z0-9.:-]*\.[A-Za-z0-9_]+\.[A-Za-z0-9_-]+$/)
    .default('bigquery-public-data.pypi.file_downloads')
    .describe('Default bigquery-public-data.pypi.file_downloads.'),
  query_timeout_seconds: querySeconds()
    .default(180)
    .describe('A query that takes longer is cancelled. Default 180.'),
  sharing: z
    .enum(['auto', 'never'], { error: 'auto or never' })
    .default('auto')
    .describe(
      'Whether a day may be read once for many packages where that is cheaper than one query for each. Default auto.',
    ),
  monthly_budget_gib: z
    .number({ error: BUDGET })
    .positive({ error: BUDGET })
    .max(1_000_000, { error: BUDGET })
    .nullable()
    .default(1024)
    .describe(
      'Most GiB to be billed in a calendar month (UTC). Default 1024, the free tier; null: no limit.',
    ),
});

export type BigQueryConfig = CamelKeys<Omit<z.infer<typeof section>, 'monthly_budget_gib'>> & {
  readonly kind: 'bigquery';
  /** Absolute path of a service account key; without it, Application Default Credentials. */
  readonly credentialFile?: string;
};

/** Google's own table, through the official client. */
export const bigquery: SourceKind<BigQueryConfig> = {
  kind: 'bigquery',
  name: "PyPI's download log in BigQuery",
  shortName: 'BigQuery',
  section,
  configure({ section: said = {}, credentialFile, absolute }) {
    const { monthly_budget_gib: _, ...own } = section.parse(said);
    const key = credentialFile === undefined ? {} : { credentialFile: absolute(credentialFile) };
    return { kind: 'bigquery', ...key, ...camelKeys(own) };
  },
  budgetBytes(said = {}) {
    const { monthly_budget_gib: gib } = section.parse(said);
    return gib === null ? null : gib * GIB;
  },
  privateFile: ({ credentialFile }) => [['service', 'credential_file'], credentialFile],
  traits({ table, sharing }, env) {
    const emulator = env['BIGQUERY_EMULATOR_HOST'];
    return {
      // An emulator's days must not be taken for the real table's.
      id: `bigquery:${table}${emulator ? ` on ${emulator}` : ''}`,
      billed: true,
      keepsLedger: true,
      wholeLog: true,
      whereToLook: 'see https://status.python.org',
      packagesAtOnce: 1,
      // An answer is held as a whole: at a dozen rows each, these are a quarter of a gigabyte.
      packageDaysAtOnce: 10_000,
      sharesDays: sharing === 'auto',
      questionsAtOnce: Number.POSITIVE_INFINITY,
    };
  },
  async describe({ table, location, credentialFile = 'Application Default Credentials' }, env) {
    const emulator = env['BIGQUERY_EMULATOR_HOST'];
    const none = `none needed: BIGQUERY_EMULATOR_HOST leads to ${emulator}`;
    return [
      ['source', `bigquery, ${table} in ${location}`],
      ['credentials', emulator ? none : credentialFile],
    ];
  },
  open: async (config, world) => (await import('./source.ts')).openBigQuery(config, world),
};
