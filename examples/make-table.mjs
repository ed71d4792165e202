// Makes file_downloads.ndjson beside this file: a SYNTHETIC table with the columns of BigQuery's
// bigquery-public-data.pypi.file_downloads that pypi-badges reads. No row is a real download.
// The same seed always makes the same bytes: node examples/make-table.mjs
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SEED = 20260425;
const END = Date.UTC(2026, 3, 25); // the demo's as-of date; the table ends the day before
const DAY = 86_400_000;

/** mulberry32 (public domain, Tommy Ettinger): small, seeded, good enough for a demo. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const random = generator(SEED);
/** For Pythons alone, so that all else stays the same. */
const randomPython = generator(SEED + 1);
const rows = [];

function pick(weights, draw = random) {
  let left = draw() * Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  for (const [name, weight] of Object.entries(weights)) {
    left -= weight;
    if (left < 0) return name;
  }
  return Object.keys(weights)[0];
}

const PYTHONS = { '3.14.3': 20, '3.13.12': 34, '3.12.9': 24, '3.11.14': 13, '3.10.19': 6, '3.9.25': 3 };

/** What pip and uv send of their Python, and the others do not. */
function python(installer) {
  return installer === 'pip' || installer === 'uv' ? { python: pick(PYTHONS, randomPython) } : {};
}

/** One download, at a random moment of the day that is `daysAgo` before the end (1 is the last day). */
function download(project, daysAgo, ci, installer, system) {
  const time = new Date(END - daysAgo * DAY + Math.floor(random() * DAY));
  const details =
    installer === null && ci === null && system === null
      ? null
      : {
          ci,
          ...python(installer),
          installer: installer === null ? null : { name: installer },
          system: system === null ? null : { name: system },
        };
  const timestamp = `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  rows.push({ time: time.getTime(), line: JSON.stringify({ timestamp, file: { project }, details }) });
}

function times(count, make) {
  for (let index = 0; index < count; index += 1) make(index);
}

const anyDay = (days) => 1 + Math.floor(random() * days);
const SYSTEMS = { Linux: 60, Darwin: 25, Windows: 15 };

// A young package, drowned in mirror traffic: 2,771 downloads in 30 days, 14 of them non-CI. The figures of
// each class are those that README.md tells of.
{
  const name = 'example-young';
  const people = [
    ...Array(6).fill(['pip', 'Linux']),
    ...Array(2).fill(['pip', 'Darwin']),
    ['pip', 'Windows'],
    ...Array(2).fill(['uv', 'Linux']),
    ...Array(2).fill(['uv', 'Darwin']),
    ['uv', null],
  ];
  for (const [installer, system] of people) download(name, anyDay(30), null, installer, system);
  times(120, () => download(name, anyDay(30), true, pick({ pip: 80, uv: 40 }), 'Linux'));
  times(1325, () => download(name, anyDay(30), null, 'bandersnatch', null));
  times(31, () => download(name, anyDay(30), null, 'Browser', null));
  times(1201, () => download(name, anyDay(30), null, null, null));
  times(80, () => download(name, anyDay(30), null, pick({ requests: 60, Homebrew: 5, OS: 15 }), null));
}

// One whose users moved from pip to uv within ninety days.
{
  const name = 'example-moved-to-uv';
  for (let daysAgo = 90; daysAgo >= 1; daysAgo -= 1) {
    const moved = 1 / (1 + Math.exp((daysAgo - 45) / 9));
    times(14 + Math.floor(random() * 8), () => {
      const installer = pick({ uv: 90 * moved + 4, pip: 90 * (1 - moved) + 6, poetry: 6, pdm: 2 });
      download(
        name,
        daysAgo,
        random() < 0.3 ? false : null,
        installer,
        installer === 'pdm' ? null : pick(SYSTEMS),
      );
    });
    times(5 + Math.floor(random() * 4), () =>
      download(name, daysAgo, true, pick({ uv: 5, pip: 3 }), 'Linux'),
    );
    times(3, () => download(name, daysAgo, null, pick({ bandersnatch: 5, Nexus: 2, devpi: 1 }), null));
    times(1, () => download(name, daysAgo, null, pick({ Browser: 1, requests: 2, conda: 1 }), null));
  }
}

// A large one: weekdays busy, weekends quiet, CI the greater part.
{
  const name = 'example-large';
  for (let daysAgo = 30; daysAgo >= 1; daysAgo -= 1) {
    const weekday = new Date(END - daysAgo * DAY).getUTCDay();
    const busy = weekday === 0 || weekday === 6 ? 0.4 : 1;
    times(Math.round(busy * (62 + random() * 16)), () => {
      const installer = pick({ pip: 50, uv: 30, poetry: 8, pdm: 1 });
      download(
        name,
        daysAgo,
        random() < 0.2 ? false : null,
        installer,
        installer === 'pdm' ? null : pick(SYSTEMS),
      );
    });
    times(Math.round(busy * (95 + random() * 20)), () =>
      download(name, daysAgo, true, pick({ pip: 60, uv: 40 }), pick({ Linux: 90, Windows: 6, Darwin: 4 })),
    );
    times(12, () => download(name, daysAgo, null, pick({ bandersnatch: 6, Artifactory: 4, Nexus: 2 }), null));
    times(2, () => download(name, daysAgo, null, pick({ Browser: 1, 'pip ': 1, Bazel: 2, twine: 1 }), null));
    times(3, () => download(name, daysAgo, null, null, random() < 0.2 ? 'FreeBSD' : null));
  }
}

// Somebody else's package, which nobody asks about. example-unused has no row at all.
times(50, () => download('example-untracked', anyDay(30), null, 'pip', 'Linux'));

// A day of which PyPI's pipeline has delivered only a part, as it happens.
const PART_FILLED_DAYS_AGO = 40;
let left = 0;
const delivered = rows.filter(({ time }) => {
  if (Math.ceil((END - time) / DAY) !== PART_FILLED_DAYS_AGO) return true;
  left += 1;
  return left % 5 === 0;
});

delivered.sort((a, b) => a.time - b.time);
const file = fileURLToPath(new URL('file_downloads.ndjson', import.meta.url));
writeFileSync(file, `${delivered.map(({ line }) => line).join('\n')}\n`);
console.log(`${delivered.length} synthetic rows in ${file}`);
