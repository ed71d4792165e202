import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** The folders in the order of docs/architecture.md: none imports from one below it. */
const ORDER = 'errors disk days metric sources config state badges page publish collect'.split(' ');
const PURE = ['errors', 'days', 'metric', 'badges', 'page'];
/** Computes, and reads nothing. */
const HARMLESS = ['node:crypto'];

interface Import {
  /** Path below src/, or the name of a module. */
  readonly target: string;
  /** Gone once the types are stripped. */
  readonly typeOnly: boolean;
}

/** Every import of a file: declarations, re-exports, `import()` and `typeof import()`. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const namesIn = (code: string) => ts.preProcessFile(code).importedFiles.map(({ fileName }) => fileName);
  // An import that is only of types says so: Biome's useImportType.
  const left = new Set(namesIn(text.replaceAll(/^(?:import|export) type [^;]*;/gm, '')));
  return namesIn(text).map((name) => ({
    target: name.startsWith('.') ? relative(SRC, join(SRC, dirname(file), name)) : name,
    typeOnly: !left.has(name),
  }));
}

const FILES = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const IMPORTS = new Map(FILES.map((file) => [file, importsOf(file)]));

const folderOf = (file: string) => (file.includes('/') ? (file.split('/')[0] ?? '') : '');

/** Modules outside of src/ that a file reaches at run time, through whatever files between. */
function reached(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  return (IMPORTS.get(file) ?? [])
    .filter(({ typeOnly }) => !typeOnly)
    .flatMap(({ target }) => (IMPORTS.has(target) ? reached(target, seen) : [target]));
}

describe('the shape of src/', () => {
  it('is known to this test: every folder has its place, and every import is a file or a module', () => {
    const folders = new Set(FILES.map(folderOf));
    expect([...folders].toSorted()).toEqual(['', ...ORDER, 'commands'].toSorted());
    const targets = [...IMPORTS.values()].flat().map(({ target }) => target);
    expect(FILES).toEqual(expect.arrayContaining(targets.filter((target) => target.endsWith('.ts'))));
    expect(IMPORTS.get('commands/output.ts')).toContainEqual({ target: 'pino', typeOnly: false });
    const duckdb = { target: '@duckdb/node-api', typeOnly: true };
    expect(IMPORTS.get('sources/duckdb/source.ts')).toContainEqual(duckdb);
  });

  it('is that of docs/architecture.md', () => {
    const page = readFileSync(join(SRC, '../docs/architecture.md'), 'utf8');
    const [, table = ''] = page.split('| folder | what it does |');
    const [rows = ''] = table.split('\n\n');
    const listed = [...rows.matchAll(/^\| `(\w+)\/` \|/gm)].map((match) => match[1]);
    expect(listed).toEqual([...ORDER, 'commands']);
    const pure = /^((?:`\w+\/`(?:, | and ))+`\w+\/`) are pure\./m.exec(page)?.[1] ?? '';
    expect([...pure.matchAll(/\w+(?=\/)/g)].map(([name]) => name)).toEqual(PURE);
  });

  it('has no arrow that points back up, nor from the files beside the folders into them', () => {
    // Those beside the folders are the first; commands may use everything.
    const order = ['', ...ORDER, 'commands'];
    const placeOf = (file: string) => order.indexOf(folderOf(file));
    const wrong = FILES.filter((file) => !['cli.ts', 'program.ts'].includes(file)).flatMap((file) =>
      (IMPORTS.get(file) ?? [])
        .filter(({ target }) => target.endsWith('.ts') && placeOf(target) > placeOf(file))
        .map(({ target }) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it.each(PURE)('keeps %s/ free of anything that does I/O', (folder) => {
    const files = FILES.filter((file) => folderOf(file) === folder);
    expect(files.length).toBeGreaterThan(0);
    const io = files.flatMap((file) =>
      reached(file)
        .filter((name) => !HARMLESS.includes(name))
        .filter((name) => name.startsWith('node:') || builtinModules.includes(name) || name === 'pino')
        .map((name) => `${file} reaches ${name}`),
    );
    expect(io).toEqual([]);
  });

  it('takes time, randomness and the environment from outside', () => {
    const inside =
      /\bnew Date\(\)|\bDate\.now\(|\bMath\.random\(|\bprocess\.(env|argv|stdout|stderr|exit|cwd)\b/;
    const outside = FILES.filter((file) => inside.test(readFileSync(join(SRC, file), 'utf8')));
    expect(outside).toEqual(['cli.ts']);
  });
});
