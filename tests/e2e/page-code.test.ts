import { appendFileSync, cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLI, runCommand } from '../support/command.ts';
import { localProject } from '../support/project.ts';

const DIST = dirname(CLI);

/*
 * A page is drawn again by other code, and publish/page.ts knows its code by a digest of its own built file. So that file
 * must hold the drawing, and name all else by digests.
 */
describe('the built file that draws pages', () => {
  const textOf = (name: string) => readFileSync(join(DIST, name), 'utf8');
  // What imports only some of it may get these by a file that hands them on.
  const files = readdirSync(DIST).filter(
    (name) => /^page-.*\.js$/.test(name) && !/^export \{[^}]*\} from "[^"]*";\s*$/.test(textOf(name)),
  );
  const [file = ''] = files;
  const code = textOf(file);

  it('holds the drawing, its style and its script', () => {
    expect(files).toHaveLength(1);
    expect(code).toContain('function packagePage(');
    expect(code).toContain('prefers-color-scheme');
    expect(code).toContain('Copied to the clipboard');
  });

  it('has no library for drawing, and names what it shares with others by digests of theirs', () => {
    const imports = [...code.matchAll(/^import\b[^;]*["']([^"']+)["'];?$/gm)].map((match) =>
      String(match[1]),
    );
    expect(imports.length).toBeGreaterThan(5);
    for (const name of imports) expect(name).toMatch(/^(?:node:\w+|node:\w+\/\w+|\.\/[\w-]+-[\w-]{8}\.js)$/);
  });

  it('draws each page again once it is another, and not before', async () => {
    const download = { project: 'demo', at: '2026-04-24', installer: 'pip' };
    const { folder, output, run } = localProject(['demo'], [download]);
    await run('collect');
    const copy = join(folder, 'copy');
    cpSync(DIST, join(copy, 'dist'), { recursive: true });
    cpSync(join(DIST, '../package.json'), join(copy, 'package.json'));
    const drawn = async () => {
      const { stderr } = await runCommand(folder, ['report'], { cli: join(copy, 'dist/cli.js') });
      return [stderr, statSync(join(output, 'demo/index.html')).ino];
    };
    const first = await drawn();
    expect(first[0]).toBe('');
    expect(await drawn()).toEqual(first);
    appendFileSync(join(copy, 'dist', file), '// another version');
    expect(await drawn()).not.toEqual(first);
  });
});
