import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));

/*
 * A page is drawn again by other code, and publish/page.ts knows its code by a digest of its own built file. So that file
 * must hold the drawing, and name all else by digests.
 */
describe('the built file that draws pages', () => {
  const codes = readdirSync(DIST)
    .filter((name) => /^page-.*\.js$/.test(name))
    .map((name) => readFileSync(join(DIST, name), 'utf8'));
  // What imports only some of it may get these by a file that hands them on.
  const files = codes.filter((text) => !/^export \{[^}]*\} from "[^"]*";\s*$/.test(text));
  const code = files[0] ?? '';

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
});
