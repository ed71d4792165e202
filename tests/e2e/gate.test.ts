import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { redact } from '../../src/errors/redact.ts';
import { runCommand } from '../support/command.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function filesBelow(folder: string): [string, string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path, readFileSync(path, 'utf8')]);
}

describe('what a run publishes', () => {
  it('passes the gate as it is', async () => {
    const folder = tempFolder();
    const list = readFileSync(join(ROOT, 'examples/tracked.yaml'), 'utf8')
      .replaceAll('../demo', folder)
      .replace('file_downloads.ndjson', join(ROOT, 'examples/file_downloads.ndjson'));
    writeFileSync(join(folder, 'tracked.yaml'), list);
    const { exitCode, stdout } = await runCommand(folder, ['collect', '--as-of', '2026-04-25']);
    expect(exitCode).toBe(0);
    const files = [...filesBelow(folder), ['stdout', stdout] as const];
    expect(files.length).toBeGreaterThan(40);
    for (const [path, text] of files) {
      expect(text, path).not.toContain('[removed]');
      expect(redact(text), path).toBe(text);
    }
  });

  it.each([
    'README.md',
    'CHANGELOG.md',
    'docs/deploy.md',
    'docs/operations.md',
    'docs/cost-model.md',
    'tracked.yaml',
  ])('may say what %s says', (file) => {
    const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
    expect(lines.map(redact)).toEqual(lines);
  });
});
