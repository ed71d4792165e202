import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { trackedJsonSchema } from '../src/config/schema.ts';
import { ERRORS } from '../src/errors/codes.ts';
import { allDownloads } from '../src/metric/breakdown.ts';
import { healthToJson, parseHealth } from '../src/publish/health.ts';
import { historyJsonSchema, parseHistory } from '../src/publish/history.ts';
import { runMain } from './support/context.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'pypi-badges-docs-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const pages = ['.', '.github', 'deploy', 'docs']
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((page) => page.endsWith('.md'));

const read = (page: string) => readFileSync(join(root, page), 'utf8');
const withoutFences = (markdown: string) => markdown.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');

/** The content of the fenced blocks of a page, without the fences. */
function fencedBlocks(page: string): string[] {
  return [...read(page).matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
}

/** The anchors that GitHub gives to the headings of a page. */
function anchors(page: string): string[] {
  const headings = withoutFences(read(page)).matchAll(/^#{1,6} +(.+?) *$/gm);
  return [...headings].map(([, text = '']) => {
    const heading = text.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    return heading.replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '').replaceAll(' ', '-');
  });
}

/** Relative links of a page, as written. */
function relativeLinks(page: string): string[] {
  const text = withoutFences(read(page)).replaceAll(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(<?([^)>\s]+)>?(?: "[^"]*")?\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
}

/** Why a link of a page leads nowhere, or undefined if it leads somewhere. */
function broken(page: string, link: string): string | undefined {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : relative(root, resolve(root, dirname(page), decodeURIComponent(path)));
  if (target.startsWith('..') || !existsSync(join(root, target))) return `${link}: no such file`;
  if (anchor === undefined) return undefined;
  if (!target.endsWith('.md') || statSync(join(root, target)).isDirectory()) return `${link}: not a page`;
  return anchors(target).includes(anchor) ? undefined : `${link}: no such heading`;
}

const firstCells = (page: string, pattern: RegExp) =>
  [...read(page).matchAll(pattern)].map((match) => match[1]);

/** Runs a command line in a folder, and gives all that it wrote. */
async function run(argv: readonly string[], cwd: string, env: Record<string, string> = {}) {
  const { exitCode, stdout, stderr } = await runMain(cwd, argv, { env });
  return { exitCode, text: stdout + stderr };
}

describe('links', () => {
  test('there are pages to check', () => {
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'docs/metric.md']));
  });

  test.each(pages)('every relative link of %s leads to a file and a heading', (page) => {
    expect(relativeLinks(page).flatMap((link) => broken(page, link) ?? [])).toEqual([]);
  });

  test('every page in docs/ is linked from the README', () => {
    const linked = relativeLinks('README.md').map((link) => link.split('#')[0]);
    expect(linked).toEqual(expect.arrayContaining(pages.filter((page) => page.startsWith('docs/'))));
  });
});

describe('docs/deploy.md', () => {
  const guide = read('docs/deploy.md');
  /** What stands between a heading and the next one. */
  function section(heading: string): string {
    const [, rest = ''] = guide.split(`\n${heading}\n`);
    return rest.replace(/\n##+ [\s\S]*$/, '');
  }
  /** Commands of the shell's blocks: lines, where those that are carried on are one. */
  const commands = (markdown: string) =>
    [...markdown.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
      .map(([, block = '']) => block.replaceAll(/\\\n|\|\n/g, ' '))
      .flatMap((block) => block.trim().split('\n'));

  test.each([
    ['a Debian 12 or 13 machine', '## On a Debian host', '### Caddy'],
    ['a host with Docker or Podman', '## In a container', undefined],
    ['a cluster', '## On Kubernetes', undefined],
  ])('says truly how many commands lead from %s to a badge', (row, heading, webServer) => {
    const [line = ''] = guide.split('\n').filter((each) => each.startsWith(`| ${row}`));
    const said = [...line.matchAll(/(\d+) commands|and (\d+) for/g)].map((match) =>
      Number(match[1] ?? match[2]),
    );
    const headings = webServer === undefined ? [heading] : [heading, webServer];
    expect(said).toEqual(headings.map((each) => commands(section(each)).length));
    // The last of them shows a badge.
    const last = commands(section(headings.at(-1) as string)).at(-1);
    expect(last).toMatch(/^(curl|kubectl get) .*\/sampleproject\/downloads-30d-non-ci\.json$/);
  });
});

describe('README.md', () => {
  test.each([
    'collect --config demo.yaml',
    `show example-young --source duckdb --config ${join(root, 'examples/tracked.yaml')}`,
  ])('shows what is printed by %s', async (line) => {
    const config = read('examples/tracked.yaml').replaceAll('../demo', scratch);
    const table = join(root, 'examples/file_downloads.ndjson');
    writeFileSync(join(scratch, 'demo.yaml'), config.replace('file_downloads.ndjson', table));
    const argv = [...line.split(' '), '--as-of', '2026-04-25', '--log-level', 'silent'];
    const { exitCode, text } = await run(argv, scratch, { LANG: 'C.UTF-8' });
    expect(exitCode).toBe(0);
    expect(fencedBlocks('README.md')).toContain(text);
  });

  test('has an example that check accepts', async () => {
    const example = fencedBlocks('README.md').find((block) => block.startsWith('service:'));
    writeFileSync(join(scratch, 'readme.yaml'), example ?? '');
    const { exitCode, text } = await run(['check', '--config', 'readme.yaml'], scratch);
    expect(text).toMatch('readme.yaml is valid: 2 packages');
    expect(exitCode).toBe(0);
  });
});

describe('docs/commands.md', () => {
  const rows = new Map(
    [...read('docs/commands.md').matchAll(/^\| `([a-z]+)` \| (.*) \|$/gm)].map(([, name = '', text = '']) => [
      name,
      text,
    ]),
  );

  test('names every command', async () => {
    const { text } = await run(['--help'], scratch);
    const commands = [...text.matchAll(/^ {2}([a-z]+) (?:[<[]| )/gm)].map((match) => match[1]);
    expect(commands).toEqual(expect.arrayContaining(['collect', 'check', 'help']));
    expect(commands.filter((command) => command !== 'help').toSorted()).toEqual([...rows.keys()].toSorted());
  });

  test.each([...rows])('names the options of %s, and none that does not exist', async (command, text) => {
    const options = (words: string) => [...new Set(words.match(/--[a-z][a-z-]+/g) ?? [])].toSorted();
    const [own = ''] = (await run([command, '--help'], scratch)).text.split('Global Options:');
    expect(options(text)).toEqual(options(own).filter((option) => option !== '--help'));
  });
});

describe('CONTRIBUTING.md', () => {
  test('lists every script that tests something', () => {
    const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
    const tests = scripts.filter((name) => name.startsWith('test:')).map((name) => `npm run ${name}`);
    const listed = firstCells('CONTRIBUTING.md', /^\| `([^`]+)`/gm);
    expect(listed).toEqual(expect.arrayContaining(['npm test', ...tests]));
  });
});

describe('docs/operations.md', () => {
  /** The cells of each code's row: what happened, what to do, whether it is tried again, and whether it ends the querying. */
  const ROW = /^\| `([a-z-]+)` \| (.*) \| (.*) \| (yes.*|no.*) \| (yes.*|no.*) \|$/gm;
  const found = read('docs/operations.md').matchAll(ROW);
  const rows = new Map([...found].map(([, code = '', ...cells]) => [code, cells]));

  test('has a row for each code, and for none that does not exist', () => {
    expect([...rows.keys()].toSorted()).toEqual(Object.keys(ERRORS).toSorted());
  });

  test.each(Object.entries(ERRORS))('says of %s what the table says', (code, { passes, affectsAll }) => {
    const [happened, todo, again, ends] = rows.get(code) ?? [];
    expect(happened).toMatch(/\.\)?$/);
    expect(todo).toMatch(/\S/);
    expect(again).toMatch(passes ? /^yes/ : /^no/);
    expect(ends).toMatch(affectsAll ? /^yes/ : /^no/);
  });
});

describe('docs/files.md', () => {
  const example = (beginning: string) =>
    fencedBlocks('docs/files.md').find((block) => block.startsWith(beginning)) ?? '';

  test('shows a health file as it is written', () => {
    const text = example('{\n  "version": 1,\n  "source"');
    const health = parseHealth(text);
    expect(health && JSON.parse(JSON.stringify(healthToJson(health)))).toEqual(JSON.parse(text));
  });

  test('shows a history with every key of its schema', () => {
    const text = example('{\n  "version": 1,\n  "package"');
    const { properties } = historyJsonSchema() as { properties: Record<string, unknown> };
    // A group has one more.
    const keys = Object.keys(properties).filter((key) => key !== 'group');
    expect(Object.keys(JSON.parse(text))).toEqual(keys);
    const days = parseHistory(text, 'mcp-clipboard');
    expect(days?.map(({ breakdown }) => breakdown && allDownloads(breakdown))).toEqual([149, null, 140]);
  });
});

describe('docs/configuration.md', () => {
  interface JsonSchema {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly items?: JsonSchema;
    readonly anyOf?: readonly JsonSchema[];
  }

  /** Dotted paths of the keys of a schema that hold a value, and of its lists. */
  function keysOf(schema: JsonSchema, path: string): string[] {
    const inner = Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
      keysOf(value, path === '' ? key : `${path}.${key}`),
    );
    const items = schema.items === undefined ? [] : [schema.items];
    const branches = items
      .flatMap((item) => item.anyOf ?? [item])
      .flatMap((branch) => (branch.properties === undefined ? [] : keysOf(branch, `${path}[]`)));
    // The looks of a package or a group have the keys of those of all packages, which are described there.
    if (/^(packages|groups)\[\]\.badges$/.test(path)) return [path];
    return schema.properties === undefined ? [path, ...branches] : inner;
  }

  test('describes every key of the schema, and none that does not exist', () => {
    const described = firstCells('docs/configuration.md', /^\| `([a-z][\w.[\]]*)` \|/gm);
    const keys = keysOf(trackedJsonSchema() as JsonSchema, '');
    expect(keys).toContain('packages[].window_days');
    expect(described).toEqual(keys);
  });

  test('shows the report of its own example', async () => {
    const blocks = fencedBlocks('docs/configuration.md');
    const example = blocks.findIndex((block) => block.includes('credentials_file'));
    const folder = mkdtempSync(join(scratch, 'report-'));
    writeFileSync(join(folder, 'tracked.yaml'), blocks[example] ?? '');
    const { exitCode, text } = await run(['check'], folder);
    expect(exitCode).toBe(2);
    expect(blocks[example + 1]).toBe(text);
    expect(readdirSync(folder)).toEqual(['tracked.yaml']);
  });
});

describe('docs/cost-model.md', () => {
  test('has the break-even of its estimates', () => {
    const equal = [100, 165].map((gib) => Math.round((gib * 2 ** 30) / 150e6).toLocaleString('en-US'));
    const page = read('docs/cost-model.md').replaceAll('\n', ' ');
    expect(page).toContain(`equal somewhere between ${equal.join(' and ')} packages`);
    expect(page).toContain(`cheaper from ${equal.join(' to ')} packages on`);
  });

  test('has the figures that its assumptions give', () => {
    const number = (text = '') => Number(text.replaceAll(',', ''));
    const rows = [...read('docs/cost-model.md').matchAll(/^\| ([\d,]+) \| ([\d,.]+) GB \| \$([\d.]+) \|/gm)];
    expect(rows.map((row) => number(row[1]))).toEqual([7, 50, 300, 1_000, 5_000]);
    for (const [, packages, gigabytes, dollars] of rows) {
      const bytes = number(packages) * 30 * 150e6 + 30 * 10e6;
      expect([number(gigabytes), dollars]).toEqual([
        bytes / 1e9,
        (Math.max(0, bytes / 2 ** 40 - 1) * 6.25).toFixed(2),
      ]);
    }
  });
});

describe('docs/github-actions.md', () => {
  const page = read('docs/github-actions.md');
  const rows = (heading: string) => {
    const [, table = ''] = page.split(`| ${heading} |`);
    const cells = [...(table.split('\n\n')[0] ?? '').matchAll(/^\| (`[^|]+) \|/gm)].join();
    return [...cells.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name);
  };

  test('has the inputs and outputs of the Action', () => {
    const { inputs, outputs } = parse(read('action.yml'));
    expect([...new Set(rows('input'))]).toEqual(Object.keys(inputs));
    expect([...new Set(rows('output'))].toSorted()).toEqual(Object.keys(outputs).toSorted());
  });

  test('shows the workflow that is there to be copied', () => {
    expect(fencedBlocks('docs/github-actions.md')[0]).toBe(read('examples/github-actions/badges.yml'));
  });
});

test.each(readdirSync(join(root, '.github/workflows')))(
  'the workflow %s pins every action by commit',
  (name) => {
    const lines = read(`.github/workflows/${name}`).match(/(?<=^ *(?:- )?uses: ).*/gm) ?? [];
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((uses) => uses !== './' && !/^\S+@[0-9a-f]{40} # v\d/.test(uses))).toEqual([]);
  },
);
