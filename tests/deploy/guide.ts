import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The text of docs/deploy.md. */
export const guide = readFileSync(join(import.meta.dirname, '../../docs/deploy.md'), 'utf8');

/** The first block of docs/deploy.md that begins with a text, as it stands there: a test follows it literally. */
export function blockOfGuide(start: string): string {
  const blocks = [...guide.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  const found = blocks.find((block) => block.startsWith(start));
  if (found === undefined) throw new Error(`docs/deploy.md has no block that begins with: ${start}`);
  return found;
}
