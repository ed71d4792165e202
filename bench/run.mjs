// npm run bench: what the command costs, as figures and ratios that were all taken in this one run.
// Each section is a file of its own that exports `title` and `measure(folder)`. A missed target is shown, and
// does not fail the run: a busy machine must not decide what lands.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const SECTIONS = [
  './start-up.mjs',
  './collect.mjs',
  './ledger.mjs',
  './concurrency.mjs',
  './sources.mjs',
  './pictures.mjs',
  './predecessor.mjs',
];

console.log(
  `node ${process.version}, ${process.platform}-${process.arch}, ${cpus().length} x ${cpus()[0]?.model}`,
);
const root = mkdtempSync(join(tmpdir(), 'pypi-badges-bench-'));
try {
  for (const section of SECTIONS) {
    const { title, measure } = await import(section);
    console.log(`\n${title}`);
    const folder = join(root, basename(section, '.mjs'));
    mkdirSync(folder);
    for (const { what, value, target, met, how } of await measure(folder)) {
      const verdict = target === undefined ? '' : `  (target ${target}: ${met ? 'met' : 'MISSED'})`;
      console.log(`  ${what.padEnd(46)} ${value}${verdict}`);
      console.log(`    ${how}`);
    }
  }
} finally {
  // Not after each section: for minutes after many files were removed, ext4 takes 0.4 ms to make one instead of 0.01.
  rmSync(root, { recursive: true, force: true });
}
