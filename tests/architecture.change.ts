import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/*
 * docs/architecture.md says that the compiler leads: what must follow a first entry does not compile without it.
 * Here the entry is made, in memory.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRC = join(ROOT, 'src');

const { options, fileNames } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile).config,
  ts.sys,
  ROOT,
);
const PAGE = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8').split('## How to change something')[1];
const ROOTS = fileNames.filter((name) => name.startsWith(`${SRC}/`));
const asItIs = ts.createProgram(ROOTS, options);

/** Files of src/ that do not compile after a change of one of them. */
function broken(file: string, from: string, to: string): string[] {
  const host = ts.createCompilerHost(options);
  const changed = join(SRC, file);
  const text = ts.sys.readFile(changed) ?? '';
  if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`);
  host.getSourceFile = (name, target) =>
    name === changed ? ts.createSourceFile(name, text.replace(from, to), target) : asItIs.getSourceFile(name);
  const program = ts.createProgram(ROOTS, options, host);
  return program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.startsWith(`${SRC}/`))
    .filter((source) => program.getSemanticDiagnostics(source).length > 0)
    .map(({ fileName }) => fileName.slice(SRC.length + 1))
    .toSorted();
}

describe('what must follow does not compile without it', () => {
  it.each([
    ['nothing, after nothing', 'metric/classes.ts', "'pdm'] as const", "'pdm' ] as const", []],
    [
      'the colours of an installer',
      'metric/classes.ts',
      "'pdm'] as const",
      "'pdm', 'hatch'] as const",
      ['page/document.ts'],
    ],
    [
      'the words for a class',
      'metric/classes.ts',
      "'unknown', 'other'] as const",
      "'unknown', 'bot', 'other'] as const",
      ['commands/compare.ts', 'page/words.ts'],
    ],
  ])('%s', (_, file, from, to, expected) => {
    expect(broken(file, from, to)).toEqual(expected);
    for (const other of expected) expect(PAGE).toContain(`\`${other}\``);
  });
});
