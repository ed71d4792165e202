// npm run bench: what the command costs, as figures and ratios that were all taken in this one run.
// Each section is a file of its own that exports `title` and `measure()`. A missed target is shown, and
// does not fail the run: a busy machine must not decide what lands.
import { cpus } from 'node:os';

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
for (const section of SECTIONS) {
  const { title, measure } = await import(section);
  console.log(`\n${title}`);
  for (const { what, value, target, met, how } of await measure()) {
    const verdict = target === undefined ? '' : `  (target ${target}: ${met ? 'met' : 'MISSED'})`;
    console.log(`  ${what.padEnd(46)} ${value}${verdict}`);
    console.log(`    ${how}`);
  }
}
