import { basename } from 'node:path';
import { z } from 'zod';
import { printable, SourceError } from '../../errors/error.ts';
import { nameSome, plural } from '../../format.ts';
import { type CamelKeys, camelKeys } from '../../util.ts';
import { mapping, path } from '../fields.ts';
import type { SourceKind } from '../source.ts';

const section = mapping('a mapping with files', {
  files: path('a path or glob of NDJSON or Parquet files').describe(
    'Path or glob of NDJSON or Parquet files with the columns of the public table.',
  ),
  whole_log: z
    .boolean({ error: 'true or false' })
    .default(false)
    .describe(
      "Whether the files hold every package's downloads, so that a day without rows is late or missing, and one with few is incomplete. Default false: a day without rows is one without downloads.",
    ),
});

export type DuckDbConfig = CamelKeys<z.infer<typeof section>> & { readonly kind: 'duckdb' };

/** Which local files are read, or why none can be. */
async function filesLine(pattern: string): Promise<string> {
  const { findFiles } = await import('./files.ts');
  try {
    const files = findFiles(pattern);
    return printable(`${plural(files.length, 'file')}: ${nameSome(files.map((file) => basename(file)))}`);
  } catch (error) {
    if (error instanceof SourceError) return error.message;
    throw error;
  }
}

export type DuckDb = typeof import('@duckdb/node-api');

/**
 * DuckDB, which is an optional package.
 *
 * @param who What needs it, for the message.
 * @throws SourceError if it is not installed.
 */
export async function loadDuckDb(who: string): Promise<DuckDb> {
  try {
    return await import('@duckdb/node-api');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new SourceError(
      'duckdb-missing',
      `${who} needs the optional package @duckdb/node-api; install it beside pypi-badges: npm install @duckdb/node-api (with -g if pypi-badges was installed with -g, and with install.sh --with-duckdb if that installed it; the package on PyPI does without, so take that of npm)`,
    );
  }
}

/** Local files with the columns of the public table, through DuckDB. */
export const duckdb: SourceKind<DuckDbConfig> = {
  kind: 'duckdb',
  name: 'local files',
  shortName: 'local files',
  section,
  configure({ section: said, absolute }) {
    const own = camelKeys(section.parse(said));
    return { kind: 'duckdb', ...own, files: absolute(own.files) };
  },
  traits: ({ files, wholeLog }) => ({
    id: `duckdb:${files}`,
    billed: false,
    keepsLedger: false,
    wholeLog,
    whereToLook: 'see duckdb.files in tracked.yaml',
    // More would be little faster, and take more memory: an answer has some thousand rows a package.
    packagesAtOnce: 10,
    packageDaysAtOnce: Number.POSITIVE_INFINITY,
    sharesDays: false,
    questionsAtOnce: 1,
  }),
  describe: async ({ files }) => [
    ['source', `duckdb, ${files}`],
    ['files', await filesLine(files)],
  ],
  open: async (config) => (await import('./source.ts')).openDuckDb(config),
};
