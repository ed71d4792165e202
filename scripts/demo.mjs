// The main job on the example table: what `npm run demo` runs after the build. The table's dates are moved so that it ends
// yesterday, and the rest of PyPI is put in, so that days can be seen to be incomplete.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const DAY_MS = 86_400_000;
/** Downloads a day of packages that nobody tracks, and of the day that was delivered in part. */
const OTHERS = { usual: 300, partFilled: 60 };
/** The day before which examples/file_downloads.ndjson ends, and its incomplete day. */
const END = Date.UTC(2026, 3, 25);
const PART_FILLED = END - 40 * DAY_MS;
/** How many days of it are compared with the weeks before: the longest window, and four weeks. */
const DAYS = 90 + 35;

const root = fileURLToPath(new URL('..', import.meta.url));

function shiftedTable(shiftMs) {
  const text = (ms) => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const rows = readFileSync(`${root}examples/file_downloads.ndjson`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const row = JSON.parse(line);
      const time = Date.parse(row.timestamp.replace(' UTC', 'Z').replace(' ', 'T'));
      return { ...row, timestamp: text(time + shiftMs) };
    });
  for (let day = END - DAYS * DAY_MS; day < END; day += DAY_MS) {
    const count = day === PART_FILLED ? OTHERS.partFilled : OTHERS.usual;
    for (let index = 0; index < count; index += 1) {
      const time = day + shiftMs + Math.floor((index / count) * DAY_MS);
      rows.push({ timestamp: text(time), file: { project: 'the-rest-of-pypi' } });
    }
  }
  return `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;
}

const shiftMs = Math.floor((Date.now() - END) / DAY_MS) * DAY_MS;
mkdirSync(`${root}demo`, { recursive: true });
writeFileSync(`${root}demo/file_downloads.ndjson`, shiftedTable(shiftMs));
const tracked = readFileSync(`${root}examples/tracked.yaml`, 'utf8')
  .replaceAll('../demo/', '')
  .replace(
    'files: file_downloads.ndjson',
    'files: file_downloads.ndjson\n  whole_log: true # it holds the rest of PyPI, too',
  );
writeFileSync(`${root}demo/tracked.yaml`, tracked);

const arguments_ = ['dist/cli.js', 'collect', '--config', 'demo/tracked.yaml', '--log-level', 'warn'];
const { status } = spawnSync(process.execPath, arguments_, {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});
if (status === 0) {
  console.log(
    '\nThe badge files are in demo/output; open demo/output/index.html to see them.\nFor a package of your own, in another folder: node <this folder>/dist/cli.js init <name>',
  );
}
process.exitCode = status ?? 1;
