// Makes the pictures of docs/badges.md: the product's own badges of the demo's table, one list for each look. Run
// `npm run demo` first.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const place = `${root}demo/gallery`;
const images = `${root}docs/images/badges`;
const NAME = 'example-moved-to-uv';
const OTHERS = ['example-large', 'example-young'];
const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 14 14"><path fill="#fff" d="M7 1 1 4v6l6 3 6-3V4zM7 3l3.5 1.8L7 6.500 3.500 4.800z"/></svg>';

/** A picture of docs/badges.md: its file, what tracked.yaml says of badges, and which badge it is. */
const GALLERY = [
  ['plain', '{label: downloads}', 'downloads'],
  ['default', '{}', 'downloads'],
  ['installer', '{}', 'installer-uv'],
  ['system', '{}', 'os-macos'],
  ['label', '{label: downloads, suffix: /month}', 'downloads'],
  ['steps', '{color: {0: lightgrey, 100: yellow, 1000: green}}', 'downloads'],
  ['style', '{style: for-the-badge, color: brightgreen}', 'downloads'],
  [
    'logo',
    `{style: flat-square, logo: 'data:image/svg+xml;base64,${Buffer.from(LOGO).toString('base64')}', label_color: '4338ca'}`,
    'downloads',
  ],
  ['dark', '{dark: true}', 'downloads'],
  ['trend', '{extra: [trend]}', 'trend'],
  ['sparkline', '{extra: [sparkline]}', 'sparkline'],
  ['total', '{extra: [total]}', 'total-non-ci'],
  ['python', "{extra: ['python>=3.12']}", 'python-3-12-non-ci'],
  ['chart-light', '{extra: [chart]}', 'chart-90d-non-ci-light'],
  ['chart-dark', '{extra: [chart]}', 'chart-90d-non-ci-dark'],
  ['compare-light', '{}', '_compare/compare-non-ci-light'],
  ['compare-dark', '{}', '_compare/compare-non-ci-dark'],
];

mkdirSync(place, { recursive: true });
mkdirSync(images, { recursive: true });
for (const [file, badges, id] of GALLERY) {
  writeFileSync(
    `${place}/tracked.yaml`,
    `service: {output_dir: output, source: duckdb}\nduckdb: {files: ../file_downloads.ndjson, whole_log: true}\nbadges: ${badges}\npackages: [{name: ${NAME}, window_days: [30, 90]}, ${OTHERS.join(', ')}]\ncompare_chart: [${[NAME, ...OTHERS].join(', ')}]\n`,
  );
  const argv = [
    'dist/cli.js',
    'collect',
    '--config',
    `${place}/tracked.yaml`,
    '--no-page',
    '--log-level',
    'error',
  ];
  const { status } = spawnSync(process.execPath, argv, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`collect exited with ${status} for ${file}`);
  const stem = id.includes('-non-ci') ? id : `${id}-30d-non-ci`;
  const path = stem.includes('/') ? stem : `${NAME}/${stem}`;
  copyFileSync(`${place}/output/${path}.svg`, `${images}/${file}.svg`);
}
console.log(`${GALLERY.length} pictures in ${images}`);
