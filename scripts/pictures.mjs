// Makes the README's pictures from the demo: run `npm run demo` first. Needs Chromium (Debian's package, or
// CHROMIUM=<path of another); asks the network for nothing.
import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = `${root}demo/output`;
const images = `${root}docs/images`;
const BYTES_MAX = 300_000;

/** What to show of which page: everything from its top to the end of an element, or an element alone. */
const PICTURES = [
  { file: 'index.png', page: 'index.html', until: 'section:has(#packages)' },
  { file: 'package.png', page: 'example-young/index.html', until: '.columns' },
  { file: 'by-day.png', page: 'example-moved-to-uv/index.html', only: 'section:has(.time)' },
];

if (!existsSync(`${output}/index.html`))
  throw new Error('demo/output/index.html is not there; run npm run demo first');
mkdirSync(images, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const page = await browser.newPage({ viewport: { width: 1000, height: 800 }, deviceScaleFactor: 1.5 });
for (const { file, page: address, until, only } of PICTURES) {
  await page.goto(`file://${output}/${address}`);
  const box = await page
    .locator(only ?? until)
    .first()
    .boundingBox();
  const margin = 16;
  const top = only === undefined ? 0 : box.y - margin;
  const clip = { x: 0, y: top, width: 1000, height: box.y + box.height + margin - top };
  const path = `${images}/${file}`;
  await page.screenshot({ path, clip, fullPage: true });
  const { size } = statSync(path);
  if (size > BYTES_MAX) throw new Error(`${path} has ${size} bytes, more than ${BYTES_MAX}`);
  console.log(`${path}: ${size} bytes`);
}
await browser.close();
for (const name of ['example-young', 'example-moved-to-uv', 'example-large']) {
  const days = name === 'example-large' ? 7 : 30;
  copyFileSync(`${output}/${name}/downloads-${days}d-non-ci.svg`, `${images}/${name}.svg`);
}
