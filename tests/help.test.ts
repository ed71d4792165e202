import { describe, expect, it } from 'vitest';
import { runMain } from './support/context.ts';

async function help(...command: string[]): Promise<string> {
  const { exitCode, stdout } = await runMain('/', [...command, '--help']);
  expect(exitCode).toBe(0);
  return stdout;
}

const main = await help();
const commands = [...main.matchAll(/^ {2}(?!help)([a-z]+) /gm)].map(([, name = '']) => name);

/** The command lines at the end, as words behind the program's name. */
function examplesOf(text: string): string[][] {
  const [, examples = ''] = /\n\nExamples:\n((?: {2}pypi-badges .*\n)+)$/.exec(text) ?? [];
  const lines = examples.trimEnd().split('\n');
  return lines.map((line) => line.trim().replace(/ >.*/, '').split(' ').slice(1));
}

describe('--help', () => {
  it('ends with examples', () => {
    expect(examplesOf(main)).toEqual([['show', 'requests'], ['init', 'requests'], ['collect']]);
  });

  it('names each command with its arguments, and leaves text room enough on 40 columns', async () => {
    const { stdout } = await runMain('/', ['--help'], { columns: 40 });
    expect(stdout).toMatch(/^ {2}show <name\.\.\.> +the breakdown/m);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(40);
  });

  it.each(commands)('of %s ends with examples, of options that it has', async (command) => {
    const text = await help(command);
    const examples = examplesOf(text);
    expect(examples.length).toBeGreaterThan(0);
    for (const [name, ...argv] of examples) {
      expect(name).toBe(command);
      for (const option of argv.filter((word) => word.startsWith('-'))) expect(text).toContain(`${option} `);
    }
  });
});
