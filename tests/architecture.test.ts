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

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const clause = node.importClause;
  if (clause === undefined || clause.name !== undefined) return false;
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  return named !== undefined && ts.isNamedImports(named) && named.elements.every((each) => each.isTypeOnly);
}

/** Every import of a file: declarations, re-exports, `import()` and `typeof import()`. */
function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(file, readFileSync(join(SRC, file), 'utf8'), ts.ScriptTarget.ES2023);
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean) => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const { text } = specifier;
    const target = text.startsWith('.') ? relative(SRC, join(SRC, dirname(file), text)) : text;
    found.push({ target, typeOnly });
  };
  const walk = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
      add(node.moduleSpecifier, isTypeOnly(node));
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    ts.forEachChild(node, walk);
  };
  walk(source);
  return found;
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
    for (const [file, imports] of IMPORTS) {
      for (const { target } of imports) {
        if (target.endsWith('.ts')) expect(FILES, `${file} imports ${target}`).toContain(target);
      }
    }
    expect(importsOf('commands/log.ts')).toContainEqual({ target: 'pino', typeOnly: false });
    const duckdb = { target: '@duckdb/node-api', typeOnly: true };
    expect(importsOf('sources/duckdb/source.ts')).toContainEqual(duckdb);
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

  it('has no arrow that points back up', () => {
    const wrong = [...IMPORTS].flatMap(([file, imports]) => {
      const own = ORDER.indexOf(folderOf(file));
      if (own < 0) return [];
      return imports
        .filter(({ target }) => target.endsWith('.ts') && folderOf(target) !== '')
        .filter(({ target }) => !ORDER.slice(0, own + 1).includes(folderOf(target)))
        .map(({ target }) => `${file} -> ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('keeps the files beside the folders free of them, but for the program itself', () => {
    const shared = FILES.filter((file) => folderOf(file) === '' && !['cli.ts', 'program.ts'].includes(file));
    const imported = shared.flatMap((file) => IMPORTS.get(file) ?? []);
    expect(imported.filter(({ target }) => folderOf(target) !== '')).toEqual([]);
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
    const wrong = FILES.filter(
      (file) => file !== 'cli.ts' && inside.test(readFileSync(join(SRC, file), 'utf8')),
    );
    expect(wrong).toEqual([]);
  });
});
