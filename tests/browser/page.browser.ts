import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CATALOGUE, findBadge } from '../../src/badges/catalogue.ts';
import { type Draw, THEMES } from '../../src/badges/picture.ts';
import { indexPage } from '../../src/page/index-page.ts';
import { launchChromium } from '../support/chromium.ts';
import { runCommand } from '../support/command.ts';
import { lastDays } from '../support/independent.ts';
import { serve } from '../support/serve.ts';
import { entry, historyOf, index, site, YOUNG } from '../support/views.ts';

/*
 * The page as it is seen: the example's, drawn by the built command, opened in Chromium from the disk and
 * from a server on loopback. `npm run test:browser` builds first.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PACKAGES = ['example-young', 'example-moved-to-uv', 'example-large', 'example-unused'];
const PAGES = ['index.html', ...PACKAGES.map((name) => `${name}/index.html`)];
const HOSTILE = `<script>document.title='hacked'</script><img src=x onerror="document.title='hacked'"> "double" 'single' & \u0000 \u202e --> ]]> {{7*7}} \${7*7} </style></script>`;

const folder = mkdtempSync(join(tmpdir(), 'pypi-badges-browser-'));
const output = join(folder, 'output');

let browser: Browser;
let server: Awaited<ReturnType<typeof serve>>;
let contexts: BrowserContext[] = [];

async function command(...argv: string[]) {
  const result = await runCommand(folder, [...argv, '--log-level', 'error']);
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  return result;
}

beforeAll(async () => {
  copyFileSync(join(ROOT, 'examples/file_downloads.ndjson'), join(folder, 'file_downloads.ndjson'));
  const tracked = readFileSync(join(ROOT, 'examples/tracked.yaml'), 'utf8').replaceAll('../demo/', '');
  writeFileSync(join(folder, 'tracked.yaml'), tracked);
  await command('collect', '--as-of', '2026-04-25');
  browser = await launchChromium();
  // With the policy that the example for Caddy sends: the page must work under both.
  const caddyfile = readFileSync(join(ROOT, 'deploy/caddy/Caddyfile'), 'utf8');
  const policy = /header @no-svg Content-Security-Policy "([^"]+)"/.exec(caddyfile)?.[1] ?? '';
  expect(policy).toContain("default-src 'none'");
  server = await serve(output, { 'content-security-policy': policy });
});

afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  contexts = [];
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true });
});

type Opened = Awaited<ReturnType<typeof open>>;

/** Opens a page, and takes down whatever the console said, and addresses that were asked for, but for the page's own. */
async function open(
  address: string,
  { colorScheme = 'light' as 'light' | 'dark', width = 1280, script = true, hasTouch = false } = {},
) {
  const viewport = { width, height: 900 };
  const context = await browser.newContext({ colorScheme, viewport, hasTouch, javaScriptEnabled: script });
  contexts.push(context);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']).catch(() => undefined);
  const page = await context.newPage();
  const messages: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => messages.push(message.text()));
  page.on('pageerror', (error) => messages.push(String(error)));
  page.on('request', (request) => {
    if (request.url() !== address && !request.url().startsWith('data:')) requests.push(request.url());
  });
  await page.goto(address, { waitUntil: 'networkidle' });
  return { page, messages, requests };
}

const fromDisk = (path: string) => `file://${output}/${path}`;

/** What axe-core finds, one line each. Run through the debugger, so that the page's policy stays as it is. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const lines = `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + html)))`;
  return page.evaluate(lines);
}

const SCHEMES = ['light', 'dark'] as const;
const LOOKS = [
  ...SCHEMES.flatMap((colorScheme) => [1280, 390].map((width) => ({ colorScheme, width }))),
  { colorScheme: 'light' as const, width: 768 },
];

const tooWide = (page: Page) => page.evaluate('document.documentElement.scrollWidth - innerWidth');
/** Nothing was said or asked for, nothing is wider than the page, also with all details open, and axe-core finds nothing. */
async function isSound({ page, messages, requests }: Opened) {
  expect({ messages, requests, wider: await tooWide(page) }).toEqual({
    messages: [],
    requests: [],
    wider: 0,
  });
  await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true");
  expect(await tooWide(page)).toBe(0);
  expect(await violations(page)).toEqual([]);
}
const visible = (page: Page, selector: string) => page.locator(selector).locator('visible=true');
async function boxOf(page: Page, selector: string) {
  await page.locator(selector).scrollIntoViewIfNeeded();
  const box = await page.locator(selector).boundingBox();
  if (box === null) throw new Error(`there is no ${selector}`);
  return box;
}

describe.each(PAGES)('%s', (path) => {
  it.each(LOOKS)('opens from the disk without a word or a request: $colorScheme, $width', async (look) => {
    await isSound(await open(fromDisk(path), look));
  });

  it('opens from a server with that one request', async () => {
    server.asked.length = 0;
    const { messages, requests } = await open(`${server.url}/${path}`);
    const asked = [`/${path}`];
    expect({ messages, requests, asked: server.asked }).toEqual({ messages: [], requests: [], asked });
  });

  it.each([
    ['light', false],
    ['dark', true],
  ] as const)(
    'prints every figure on white, and no empty page: %s, script: %s',
    async (colorScheme, script) => {
      const { page } = await open(fromDisk(path), { colorScheme, script, width: 718 });
      await page.emulateMedia({ media: 'print' });
      expect(await visible(page, 'h1').textContent()).toBeTruthy();
      expect(await visible(page, 'input, output, .copy, .tools').count()).toBe(0);
      expect(await visible(page, 'details td').count()).toBe(await page.locator('details td').count());
      const ground = await page.evaluate('getComputedStyle(document.querySelector(".card")).backgroundColor');
      expect(ground).toBe('rgb(255, 255, 255)');
      // Nothing below the last words makes a page of its own.
      const below = await page.evaluate(
        'document.documentElement.scrollHeight - document.querySelector("footer p").getBoundingClientRect().bottom - scrollY',
      );
      expect(below).toBeLessThan(20);
    },
  );
});

describe('the chart by day', () => {
  it('tells those who point at a day its figures, which are those of history.json', async () => {
    const name = 'example-moved-to-uv';
    const { page } = await open(fromDisk(`${name}/index.html`));
    const history = JSON.parse(readFileSync(join(output, name, 'history.json'), 'utf8'));
    const expected = history.days.map((day: string, index: number) => {
      const parts = Object.keys(history.installers)
        .map((installer) => [installer, history.installers[installer][index]])
        .filter(([, figure]) => figure > 0)
        .map(([installer, figure]) => `${installer} ${figure.toLocaleString('en-US')}`);
      return [`${day}: ${history.count[index].toLocaleString('en-US')}`, ...parts].join('\n');
    });
    const titles = await page.locator('.days .hit title').allTextContents();
    expect(titles).toHaveLength(90);
    expect(titles.map((title) => title.replaceAll(/ \((part|[\d.]+%)\)/g, ''))).toEqual(expected);
    // The tooltip that is seen is that of the column under the pointer.
    const { x, y, width } = await boxOf(page, '.days');
    const under = `document.elementFromPoint(${x + width * (3.5 / 90)}, ${y + 20})?.textContent`;
    expect(await page.evaluate(under)).toBe(titles[3]);
  });

  it.each(['keyboard', 'touch'])('tells them by %s', async (by) => {
    const { page } = await open(fromDisk('example-moved-to-uv/index.html'), { hasTouch: true, width: 390 });
    const chart = 'svg.time:not(.days)';
    const figures = page.locator(`${chart} ~ output`);
    const slider = page.locator(`${chart} + input`);
    const titles = await page.locator(`${chart} .hit title`).allTextContents();
    const expected = titles.map((title) => title.replaceAll('\n', ', '));
    expect(await figures.textContent()).toBe(expected.at(-1));
    if (by === 'keyboard') {
      await slider.focus();
      await page.keyboard.press('Home');
      await page.keyboard.press('ArrowRight');
    } else {
      const box = await boxOf(page, chart);
      await page.touchscreen.tap(box.x + box.width * (8 / 90), box.y + box.height / 2);
    }
    expect(await figures.textContent()).toBe(expected[1]);
    expect(await slider.getAttribute('aria-valuetext')).toBe(expected[1]);
    expect(await page.locator('svg.days ~ output').textContent()).toMatch(/^2026-04-24: \d/);
  });

  it.each([390, 1280])('keeps its words, and as many as there is room for, at %d', async (width) => {
    const { page } = await open(fromDisk('example-moved-to-uv/index.html'), { width });
    const shown = visible(page, '.days > g:not(.grid) text');
    expect(await shown.count()).toBeGreaterThan(3);
    const boxes = await Promise.all((await shown.all()).map((text) => text.boundingBox()));
    const upper = boxes.filter((box) => box?.y === boxes[0]?.y);
    for (const [index, box] of upper.entries()) {
      const before = upper[index - 1];
      if (before != null) expect(box?.x).toBeGreaterThan(before.x + before.width);
    }
  });
});

describe.each([1280, 768, 640, 390])('a row of the table at %d', (width) => {
  it('shows all that is known, a count with its window', async () => {
    const { page } = await open(fromDisk('index.html'), { width });
    const row = page.locator('#packages tbody tr', { hasText: 'example-large' });
    const cells = await row.locator('th, td').all();
    expect(cells).toHaveLength(8);
    const nowhere = { x: -1, y: 0, width: 0 };
    const boxes = await Promise.all(cells.map(async (cell) => (await cell.boundingBox()) ?? nowhere));
    for (const box of boxes) {
      expect(box.x).toBeGreaterThan(0);
      expect(box.x + box.width).toBeLessThanOrEqual(width);
    }
    const [, count = nowhere, window = nowhere] = boxes;
    expect((await row.locator('th, td').allTextContents()).slice(1, 3)).toEqual(['404', '7 days']);
    expect(window.y).toBe(count.y);
    expect(window.x - count.x - count.width).toBeLessThan(30);
  });
});

describe('by keyboard', () => {
  const names = (page: Page) => page.locator('#packages tbody tr:visible th').allInnerTexts();
  /** What is copied once a button was pressed. */
  async function copied(page: Page, button: string) {
    await page.getByRole('button', { name: button, exact: true }).focus();
    await page.keyboard.press('Enter');
    // To wait for a function asks for an eval wherever it is not true at once, and the page's policy refuses that.
    await page.locator('#told:not(:empty)').waitFor({ state: 'attached' });
    expect(await page.locator('#told').textContent()).toBe('Copied to the clipboard');
    return await page.evaluate('navigator.clipboard.readText()');
  }

  it('sorts', async () => {
    const { page } = await open(fromDisk('index.html'));
    await page.locator('th button', { hasText: 'Non-CI' }).focus();
    await page.keyboard.press('Enter');
    // Of example-large are seven days: no count to compare with those of thirty.
    const byCount = ['example-moved-to-uv', 'example-young', 'example-unused'];
    expect(await names(page)).toEqual([...byCount, 'example-large']);
    expect(await page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('descending');
    await page.keyboard.press('Space');
    expect(await names(page)).toEqual([...byCount.toReversed(), 'example-large']);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    expect(await names(page)).toEqual(PACKAGES.toSorted());
    expect(await page.locator('th[aria-sort]').textContent()).toContain('Package');
  });

  it('filters, and says how many are left', async () => {
    const { page } = await open(fromDisk('index.html'));
    await page.getByLabel('Filter by name').focus();
    await page.keyboard.type('Moved_to');
    expect(await names(page)).toEqual(['example-moved-to-uv']);
    expect(await page.locator('#shown').textContent()).toBe('1 of 4 shown');
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Delete');
    expect(await names(page)).toEqual(PACKAGES);
  });

  it.each(['disk', 'server'])('copies a snippet, opened from the %s', async (from) => {
    const path = 'example-young/index.html';
    const { page } = await open(from === 'disk' ? fromDisk(path) : `${server.url}/${path}`);
    const { stdout } = await command('embed', '--package', 'example-young');
    expect(await copied(page, 'Copy Markdown, drawn by shields.io')).toBe(stdout.trimEnd());
  });

  it('copies the line of any other badge', async () => {
    const { page } = await open(fromDisk('example-moved-to-uv/index.html'));
    await page.locator('summary', { hasText: 'The other 21 badges' }).focus();
    await page.keyboard.press('Enter');
    const embed = async (...kinds: string[]) => {
      const badges = kinds.flatMap((kind) => ['--badge', kind]);
      const { stdout } = await command('embed', '--package', 'example-moved-to-uv', ...badges);
      return stdout.trimEnd().split('\n');
    };
    expect(await copied(page, 'Copy Markdown for linux (90d)')).toBe((await embed('os-linux'))[1]);
    for (const button of await page.locator('.others .copy').all()) await button.click();
    const lines = await page.locator('.others code').allTextContents();
    const all = await embed(...CATALOGUE.map(({ id }) => id));
    expect(all).toHaveLength(22);
    expect(lines.toSorted()).toEqual(all.filter((line) => !line.includes('downloads-30d')).toSorted());
  });

  it('reaches every control', async () => {
    const { page } = await open(fromDisk('index.html'));
    const reached = new Set<unknown>();
    for (let presses = 0; presses < 20; presses += 1) {
      await page.keyboard.press('Tab');
      reached.add(await page.evaluate('document.activeElement.textContent || document.activeElement.id'));
    }
    expect([...reached]).toEqual(expect.arrayContaining(['filter', 'Non-CI', 'State', ...PACKAGES]));
  });
});

describe('the page of a thousand packages', () => {
  const long = '-with-a-long-name'.repeat(5);
  const names = Array.from({ length: 1_200 }, (_, at) => `package-${at}${at === 7 ? long : ''}`);
  const path = join(folder, 'thousand.html');
  beforeAll(() => {
    const recent = Array.from({ length: 30 }, (_, day) => day);
    const packages = names.map((name, at) => {
      const count = 10_000 + ((at * 7_919) % 1_201);
      const breakdown = { ...YOUNG, count };
      const failed = at % 3 === 0 ? ({ state: 'failed' } as const) : {};
      return { ...entry({ name, windows: [{ windowDays: 30, breakdown }] }), ...failed, recent };
    });
    writeFileSync(path, indexPage(index({ packages }), site));
  });

  it.each(LOOKS)('is laid out as the short one: $colorScheme, $width', async (look) => {
    const opened = await open(`file://${path}`, look);
    const { page } = opened;
    expect(await tooWide(page)).toBe(0);
    // Every cell stands under its heading where there is room, and none is cut off.
    const columns = (await page.evaluate(`(() => {
      const { tHead, tBodies } = document.querySelector('#packages');
      const edges = (row) => [...row.cells].map((cell) => Math.round(cell.getBoundingClientRect().left));
      const rows = [...tBodies[0].rows].slice(0, 10);
      const cells = [tHead.rows[0], ...rows].flatMap((row) => [...row.cells]);
      const cut = cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1);
      const heights = rows.map((row) => row.offsetHeight);
      return { heading: edges(tHead.rows[0]), rows: rows.map(edges), cut: cut.map((cell) => cell.outerHTML), heights };
    })()`)) as { heading: number[]; rows: number[][]; cut: string[]; heights: number[] };
    // One line each, but for the long name; where there is less room, a few.
    if (look.width === 1280) {
      expect(new Set(columns.heights.toSpliced(7, 1)).size).toBe(1);
      for (const row of columns.rows) expect(row).toEqual(columns.heading);
    }
    expect(columns.heights[0]).toBeLessThan(look.width === 1280 ? 45 : 120);
    expect(columns.cut).toEqual([]);
    // axe-core takes a minute for a thousand rows, which are all alike.
    await page.evaluate(
      "for (const row of document.querySelectorAll('#packages tbody tr:nth-child(n+30)')) row.remove()",
    );
    await isSound(opened);
  });

  it('filters', async () => {
    const { page } = await open(`file://${path}`);
    await page.getByLabel('Filter by name').fill('package-119');
    expect(await page.locator('#shown').textContent()).toBe('11 of 1,200 shown');
    expect(await page.locator('#packages tbody tr:visible').count()).toBe(11);
  });
});

describe('a page that has not been drawn for long', () => {
  it('says so by itself, and calls its packages stale', async () => {
    // The example ends in April 2026, so here it is said to end with yesterday.
    const fresh = join(folder, 'fresh');
    cpSync(output, join(fresh, 'output'), { recursive: true });
    cpSync(join(folder, 'tracked.yaml'), join(fresh, 'tracked.yaml'));
    const text = readFileSync(join(output, '_health.json'), 'utf8');
    const renewed = text.replaceAll(/"counted_to": ".*"/g, `"counted_to": "${lastDays(1)}"`);
    writeFileSync(join(fresh, 'output/_health.json'), renewed);
    expect((await runCommand(fresh, ['report'])).exitCode).toBe(0);
    const { page, messages } = await open(`file://${fresh}/output/index.html`);
    expect(await page.locator('.state').allInnerTexts()).toEqual(['ok', 'ok', 'ok', 'no rows']);
    expect(await page.locator('#late').isVisible()).toBe(false);
    await page.clock.setFixedTime(Date.now() + 10 * 86_400_000);
    await page.reload();
    expect(await page.locator('#late').isVisible()).toBe(true);
    expect(await page.locator('#late').textContent()).toContain('This page is 10 days old.');
    expect(await page.locator('.state').allInnerTexts()).toEqual(PACKAGES.map(() => 'stale'));
    expect(await violations(page)).toEqual([]);
    expect(messages).toEqual([]);
  });
});

it('hostile text from files and settings is shown as text', async () => {
  const hostile = join(folder, 'hostile');
  const url = `https://badges.example.com/"onload="document.title='hacked'"/<script>/)](javascript:alert)`;
  const names = ['a', 'script-alert-1-script', 'x'.repeat(200)];
  const service = `service:\n  output_dir: output\n  public_url: ${JSON.stringify(url)}\n`;
  const { packages } = JSON.parse(readFileSync(join(output, '_health.json'), 'utf8'));
  const young = { ...packages['example-young'], other: [{ installer: HOSTILE, count: 5 }] };
  const failed = { error: HOSTILE, window_days: HOSTILE, last_success: HOSTILE };
  const history = readFileSync(join(output, 'example-young/history.json'), 'utf8');
  for (const name of names) {
    mkdirSync(join(hostile, 'output', name), { recursive: true });
    const text = history
      .replace('"example-young"', JSON.stringify(name))
      .replace(/"definition": ".*"/, `"definition": ${JSON.stringify(HOSTILE)}`);
    writeFileSync(join(hostile, 'output', name, 'history.json'), text);
  }
  writeFileSync(join(hostile, 'tracked.yaml'), `${service}packages: [${names.join(', ')}, never-seen]\n`);
  const file = {
    ...{ started: HOSTILE, finished: HOSTILE, upstream: { last_day: HOSTILE, missing_days: [HOSTILE] } },
    packages: Object.fromEntries(names.map((name) => [name, name === 'a' ? young : failed])),
  };
  writeFileSync(join(hostile, 'output/_health.json'), JSON.stringify(file));
  expect(await runCommand(hostile, ['report'])).toMatchObject({ exitCode: 0, stderr: '' });

  for (const path of ['index.html', ...names.map((name) => `${name}/index.html`)]) {
    for (const look of LOOKS) {
      const opened = await open(`file://${hostile}/output/${path}`, look);
      await isSound(opened);
      const { page } = opened;
      expect(await page.title()).not.toBe('hacked');
      // Its own script is there, and nothing else of these.
      const foreign = 'img, iframe, object, [onerror], [onload], a[href^="javascript:"], script';
      expect(await page.locator(foreign).count()).toBe(1);
      if (path === 'index.html' || path.startsWith('script')) {
        // Of a failure, strangers are told no more than a sentence of the program's own.
        const told = await page.locator('.notice.bad').textContent();
        expect(told).toContain('The source answered with a fault');
        expect(told).not.toContain('hacked');
      }
    }
  }
  const { page } = await open(`file://${hostile}/output/a/index.html`);
  expect(await page.locator('details table').first().textContent()).toContain(HOSTILE.split(' \u0000')[0]);
  const snippets = await page.locator('code').allTextContents();
  expect(snippets.length).toBeGreaterThan(8);
  for (const snippet of snippets) expect(snippet).not.toMatch(/<script|"onload|\)\]\(javascript/);
});

describe('a chart for READMEs', () => {
  const days = historyOf(60, 3, (index) => index % 9);
  const summary = { title: 'demo', windowDays: 60, breakdown: YOUNG, days };
  const draw = findBadge('chart')?.render(summary, {}) as Draw;
  const place = join(folder, 'chart.html');

  it.each(SCHEMES)('is that of a %s page in a <picture>', async (colorScheme) => {
    for (const theme of SCHEMES) {
      writeFileSync(join(folder, `chart-${theme}.svg`), draw(theme));
    }
    const source = '<source media="(prefers-color-scheme: dark)" srcset="chart-dark.svg">';
    const image = '<img src="chart-light.svg" width="720" alt="demo">';
    writeFileSync(place, `<picture>${source}${image}</picture>`);
    const { page, messages } = await open(`file://${place}`, { colorScheme });
    const shown = await page.evaluate(
      "[document.images[0].currentSrc.split('/').pop(), document.images[0].naturalWidth]",
    );
    expect([shown, messages]).toEqual([[`chart-${colorScheme}.svg`, 720], []]);
  });

  it('says nothing of bars where there are none', async () => {
    const captions = async (name: string) => {
      const { page } = await open(`file://${output}/${name}/index.html`);
      return page.locator('.columns figcaption').filter({ visible: true }).count();
    };
    expect(await captions('example-unused')).toBe(0);
    expect(await captions('example-young')).toBe(2);
  });

  it.each(THEMES)('has nothing that axe-core finds, in the theme %s', async (theme) => {
    const ground = theme === 'dark' ? '#0d1117' : '#fff';
    const main = `<main><h1 style="color:#777;background:#000">x</h1>${draw(theme)}</main>`;
    const head = '<!doctype html><html lang="en"><title>x</title>';
    writeFileSync(place, `${head}<body style="background:${ground}">${main}</body></html>`);
    const { page, requests } = await open(`file://${place}`);
    expect([await violations(page), requests]).toEqual([[], []]);
  });
});
