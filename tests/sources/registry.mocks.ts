import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../src/config/config.ts';
import { trackedJsonSchema } from '../../src/config/schema.ts';
import { SOURCES, traitsOf } from '../../src/sources/index.ts';
import type { Source, SourceKind } from '../../src/sources/source.ts';
import { runMain } from '../support/context.ts';
import { tempFolder } from '../support/temp-folder.ts';

interface LogbookConfig {
  readonly kind: 'logbook';
  readonly book: string;
}

/** A source that nobody knows but the registry, in the place of one that it has. */
vi.mock('../../src/sources/duckdb/index.ts', async () => {
  const { mapping } = await import('../../src/sources/fields.ts');
  const logbook: SourceKind<LogbookConfig> = {
    kind: 'logbook',
    name: 'a logbook',
    shortName: 'logbook',
    section: mapping('a mapping', { book: z.string({ error: 'a book' }), lines: z.int().optional() }),
    configure: ({ section, absolute }) => ({
      kind: 'logbook',
      book: absolute((section as LogbookConfig).book),
    }),
    privateFile: ({ book }) => [['logbook', 'book'], book],
    traits: ({ book }) => ({
      ...{ id: `logbook:${book}`, billed: false, keepsLedger: false, wholeLog: false, sharesDays: false },
      ...{ whereToLook: 'see the book', packagesAtOnce: 1, packageDaysAtOnce: 1, questionsAtOnce: 1 },
    }),
    describe: async ({ book }) => [['source', `logbook, ${book}`]],
    open: async (_, { isWaitedFor, now }) => {
      if (!isWaitedFor) throw new Error('the book is shut');
      const text = `looked at ${now().getUTCFullYear()}`;
      const check = async () => [{ what: 'logbook', state: 'note', text }];
      return { check, close: async () => {} } as unknown as Source;
    },
  };
  return { duckdb: logbook };
});

const LIST = 'service: {output_dir: out, source: logbook}\nlogbook: {book: in/book.txt}\npackages: [demo]\n';

async function run(text: string | undefined, argv: string[]) {
  const folder = tempFolder();
  if (text !== undefined) writeFileSync(join(folder, 'tracked.yaml'), text);
  const { exitCode, stdout, stderr } = await runMain(folder, argv);
  return { exitCode, text: (stdout + stderr).replaceAll(folder, '<folder>') };
}

describe('a source that is in the registry and nowhere else', () => {
  it('can be configured, with its traits and its key in the JSON Schema', () => {
    const { source } = parseConfig(LIST, 'tracked.yaml', '/etc');
    expect(source).toEqual({ kind: 'logbook', book: '/etc/in/book.txt' });
    const traits = { kind: 'logbook', name: 'a logbook', id: 'logbook:/etc/in/book.txt' };
    expect(traitsOf(source, {})).toMatchObject(traits);
    const logbook = { properties: { book: { type: 'string' } }, required: ['book'] };
    expect(trackedJsonSchema()).toMatchObject({ properties: { logbook } });
  });

  const missing = 'service.source: logbook is chosen, but there is no section logbook with book';
  it.each([
    ['logbook: {book: in/book.txt}\n', '', missing],
    ['book: in', 'bok: in', 'logbook.bok: unknown key; did you mean book? Allowed: book, lines'],
    ['in/book.txt', '7', 'logbook.book: found 7; allowed: a book'],
    ['source: logbook', 'source: log', 'found "log"; allowed: bigquery, clickhouse or logbook'],
    ['in/book.txt', 'out/book.txt', 'logbook.book: <folder>/out/book.txt lies in output_dir'],
  ])('is checked: with %j as %j', async (from, to, problem) => {
    const { exitCode, text } = await run(LIST.replace(from, to), ['check']);
    expect(exitCode).toBe(2);
    expect(text).toContain(problem);
  });

  it('is described by check and asked by doctor', async () => {
    expect((await run(LIST, ['check'])).text).toMatch(/^source +logbook, <folder>\/in\/book.txt$/m);
    expect((await run(LIST, ['doctor'])).text).toMatch(/^note +logbook +looked at \d{4}$/m);
  });

  it('is offered by show, whose help names it', async () => {
    const { text: help } = await run(undefined, ['show', '--help']);
    expect(help).toMatch(/choices: "bigquery", "clickhouse",\s+"logbook"/);
    const show = ['show', 'demo', '--source', 'logbook'];
    expect((await run(LIST, show)).text).toContain('the book is shut');
    const text = expect.stringContaining('tracked.yaml: logbook.book: is missing');
    expect(await run(undefined, show)).toEqual({ exitCode: 2, text });
  });
});

describe('kinds of sources', () => {
  it('are named by their own folder, the registry and the faults of their servers, and by no other code', () => {
    const src = fileURLToPath(new URL('../../src', import.meta.url));
    const own = /^sources\/(index|source|(bigquery|clickhouse|duckdb)\/[\w-]+)\.ts$|^errors\/codes\.ts$/;
    const names = /(['"`])(bigquery|clickhouse|duckdb)\1|\.(bigquery|clickhouse|duckdb)\b/;
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' });
    const others = files.filter((file) => file.endsWith('.ts') && !own.test(file));
    const naming = others.filter((file) => names.test(readFileSync(join(src, file), 'utf8')));
    expect(naming).toEqual([]);
    expect(SOURCES.map(({ kind }) => kind)).toEqual(['bigquery', 'clickhouse', 'logbook']);
  });
});
