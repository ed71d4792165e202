import type { z } from 'zod';
import { type CamelKeys, camelKeys, type Env } from '../../util.ts';
import { mapping, matching, path, querySeconds, webAddress } from '../fields.ts';
import type { SourceKind } from '../source.ts';

const section = mapping('a mapping', {
  url: webAddress()
    .default('https://sql-clickhouse.clickhouse.com')
    .describe(
      'Address of a ClickHouse server. Default https://sql-clickhouse.clickhouse.com, the public one.',
    ),
  user: matching('the name of a user', /^[\w.@-]{1,100}$/)
    .default('demo')
    .describe('Default demo, which needs no password on the public server.'),
  password_file: path('the path of a file that holds the password')
    .optional()
    .describe('A file that holds the password, for a server of your own.'),
  table: matching('a table as database.table', /^[A-Za-z_]\w*\.[A-Za-z_]\w*$/)
    .default('pypi.pypi')
    .describe('Default pypi.pypi.'),
  query_timeout_seconds: querySeconds().default(60).describe('How long one question may take. Default 60.'),
});

export type ClickHouseConfig = CamelKeys<z.infer<typeof section>> & { readonly kind: 'clickhouse' };

/** The server that is asked: CLICKHOUSE_URL wins. */
const serverOf = ({ url }: ClickHouseConfig, env: Env) => (env['CLICKHOUSE_URL'] || url).replace(/\/+$/, '');

/** ClickHouse's copy of the log, by HTTP: by default the public one, which everybody may ask. */
export const clickhouse: SourceKind<ClickHouseConfig> = {
  kind: 'clickhouse',
  name: "ClickHouse's public copy of PyPI's download log",
  shortName: 'ClickHouse',
  section,
  configure({ section: said = {}, absolute }) {
    const { passwordFile, ...own } = camelKeys(section.parse(said));
    return { kind: 'clickhouse', ...own, ...(passwordFile && { passwordFile: absolute(passwordFile) }) };
  },
  privateFile: ({ passwordFile }) => [['clickhouse', 'password_file'], passwordFile],
  traits: (config, env) => ({
    // Another server or table is another source.
    id: `clickhouse:${serverOf(config, env)}:${config.table}`,
    billed: false,
    keepsLedger: true,
    wholeLog: true,
    whereToLook: 'see https://github.com/ClickHouse/clickpy/issues, or use source: bigquery',
    packagesAtOnce: 100,
    // An answer may have 10,000 rows, and a package's day has a few dozen combinations; what is more is halved.
    packageDaysAtOnce: 399,
    sharesDays: false,
    questionsAtOnce: 1,
    facetLimits: { rowsAtOnce: 100_000_000, rowsOfPackage: 300_000_000, questionsARun: 20 },
  }),
  describe: async (config, env) => [
    ['source', `clickhouse, ${config.table} at ${serverOf(config, env)}`],
    ['user', config.user],
  ],
  open: async (config, world) => (await import('./source.ts')).openClickHouse(config, world),
};
