import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { gitWords, refusal, remoteFault } from '../../action/branch.mjs';
import { inputProblems, logLine, problemLines, render, summary } from '../../action/messages.mjs';
import { folderOf } from '../support/temp-folder.ts';

const ACTION = join(import.meta.dirname, '../../action');

const renderAll = (entries: readonly Parameters<typeof render>[0][]) => entries.map(render).join('\n');

/**
 * The commands that the runner finds in what is printed, by its own rules: `::command::` at the beginning of a line
 * behind blanks, else `##[command]` anywhere in it (actions/runner, ActionCommand.cs: TryParseV2, TryParse).
 */
function commandsIn(printed: string): string[] {
  return printed
    .split(/\r\n|\n|\r/)
    .flatMap(
      (line) => /^[\s\x85]*::([^ :]*)[\s\S]*?::/.exec(line)?.[1] ?? /##\[([^\]]*)\]/.exec(line)?.[1] ?? [],
    );
}

it('render keeps text from ending an annotation', () => {
  const entry = { level: 'error', message: '50 %\nof it', title: 'a:b,c', line: undefined };
  expect(render(entry)).toBe('::error title=a%3Ab%2Cc::50 %25%0Aof it');
  expect(render({ level: 'notice', message: 'plain' })).toBe('::notice::plain');
});

describe('what others write', () => {
  const HOSTILE = [
    '::add-mask::a',
    '  ::stop-commands::a',
    '\u00a0\u0085\u2028::add-mask::a',
    '##[add-mask]7',
    'it said ##[set-output name=x]y',
    '###[error]x',
    'one\n::add-mask::a\rtwo\r::set-env name=NODE_OPTIONS::--require=x\r\n\t##[group]x',
  ];
  const log = (entry: object) => renderAll(logLine(JSON.stringify(entry)));
  const oneLine = (text: string) => text.replaceAll('\n', ' ');
  const annotated = ['error'];
  const PATHS: [string, (text: string) => string, string[]][] = [
    ['a line that is no log', (text) => renderAll(logLine(text)), []],
    ['JSON that is no log', (text) => renderAll(logLine(JSON.stringify([text]))), []],
    ['a level of its own', (text) => log({ level: text, msg: text }), []],
    ['the log', (text) => log({ level: 'info', package: text, msg: text }), []],
    ['an error', (text) => log({ level: 'error', package: text, error_code: text, msg: text }), annotated],
    ['the report of a fault', (text) => log({ level: 'fatal', msg: 'x', report: text }), annotated],
    ['a problem at a line', (text) => renderAll(problemLines(`f:1:2: ${oneLine(text)}`, 'f')), annotated],
    ['a problem of a file', (text) => renderAll(problemLines(`f: ${oneLine(text)}`, 'f')), annotated],
    ['what else check says', (text) => renderAll(problemLines(text, 'f')), []],
    ['a refusal or a stack', (message) => render({ level: 'error', message, title: message }), annotated],
    ['a text', render, []],
  ];

  it.each(PATHS)('is no command in %s', (_where, print, expected) => {
    for (const text of HOSTILE) expect([text, commandsIn(print(text))]).toEqual([text, expected]);
  });

  it('is printed by the Action in one place', () => {
    const files = readdirSync(ACTION).map((name) => readFileSync(join(ACTION, name), 'utf8'));
    const printing = files.join('').match(/.*(?:std(?:out|err)\.write|console\.|'inherit').*/g);
    expect(printing).toEqual([expect.stringContaining('render(entry)')]);
  });

  it.each<[string, Record<string, string>, number?]>([
    ['as a list', { INPUT_PACKAGES: '##[add-mask]7' }],
    ['as a path of the list', { INPUT_CONFIG: 'x\n::add-mask::7\n##[add-mask]7' }],
    ['as a source', { INPUT_PACKAGES: 'alpha', INPUT_SOURCE: '##[add-mask]7' }],
    ['in the list', { INPUT_CONFIG: 'hostile.yaml' }],
    ['in a valid list', { INPUT_CONFIG: 'valid.yaml' }, 0],
  ])('commands nothing when the Action runs: %s', async (_where, inputs, exits = 1) => {
    const list = (files: string) =>
      `service: {output_dir: "##[add-mask]7", source: duckdb}\nduckdb: {files: ${files}}\npackages: [alpha]\n`;
    const lists = { 'hostile.yaml': list('x, "##[add-mask]7": 1'), 'valid.yaml': list('"##[add-mask]7"') };
    const folder = folderOf(lists);
    const { exitCode, stdout, stderr } = await execa(process.execPath, [join(ACTION, 'main.mjs')], {
      env: { INPUT_CHECK: 'true', GITHUB_WORKSPACE: folder, RUNNER_TEMP: folder, ...inputs },
      reject: false,
    });
    expect([exitCode, stdout]).toEqual([exits, expect.stringContaining('add-mask')]);
    expect(stdout.includes('is valid: 1 package')).toBe(exits === 0);
    expect(commandsIn(stdout).filter((command) => command !== 'error')).toEqual([]);
    expect(stderr).toBe('');
  });
});

it.each([
  [
    '{"level":"error","package":"a","error_code":"timeout","msg":"too long"}',
    '::error title=pypi-badges a timeout::a: too long',
  ],
  [
    '{"level":"warn","package":"a","warning":"no-rows","msg":"a: none"}',
    '::warning title=pypi-badges a no-rows::a: none',
  ],
  ['{"level":"warn","msg":"the table is late"}', '::warning title=pypi-badges::the table is late'],
  ['{"level":"info","package":"a","count":3,"msg":"collected"}', 'a: collected'],
  [
    '{"level":"error","error_code":"bug","msg":"a fault","report":"x\\n::stop-commands::y"}',
    '::error title=pypi-badges bug::a fault\nx\n | ::stop-commands::y',
  ],
  ...['not JSON', 'null', '{"msg": 1}'].map((line) => [line, line]),
])('of the log, %s is shown', (line, expected) => {
  expect(renderAll(logLine(String(line)))).toBe(expected);
});

it('puts each problem on its line of the file', () => {
  const text = 'a.yaml:3:5: packages[0]: wrong\na.yaml: not there\n2 problems in a.yaml\n';
  expect(problemLines(text, 'a.yaml').map(render)).toEqual([
    '::error file=a.yaml,line=3,col=5::packages[0]: wrong',
    '::error file=a.yaml::a.yaml: not there',
    '2 problems in a.yaml',
  ]);
});

it.each([
  ['packages:4:5: packages[0]: found "a b"; say a', '::error::input packages: found "a b"; say a'],
  [
    'packages:7:5: packages[3]: beta with 30 days is already listed at line 6; list each window once',
    '::error::input packages: beta with 30 days is already listed; list each window once',
  ],
  ['packages:1:9: service.source: found "x"', '::error::input source: found "x"'],
  ['packages:1:9: service.public_url: found "x"', '::error::input public-url: found "x"'],
  ['packages:1:1: duckdb: missing', '::error::duckdb: missing'],
  ['3 problems in packages; nothing was queried', '3 problems in the inputs; nothing was queried'],
])('of a problem, the input is named: %s', (line, expected) => {
  expect(inputProblems(line, 'packages').map(render)).toEqual([expected]);
});

describe('summary', () => {
  const failed = (error: string, code: string, days = 30) => {
    return { error, error_code: code, window_days: days };
  };
  const health = {
    source: 'clickhouse',
    packages: {
      alpha: {
        windows: [{ window_days: 30, count: 1_234, excluded: { ci: 1_000, mirror: 6 } }],
        counted_to: '2026-04-24',
        warnings: [{ code: 'no-rows', message: 'is the *name* right?' }],
      },
      beta: { ...failed('<b>no</b> | such\ntable', 'not-found', 7), counted_to: '2026-04-20' },
      part: {
        error: 'not renewed: 7d',
        error_code: 'incomplete-window',
        held_back: [7],
        windows: [{ window_days: 30, count: 87, excluded: {} }],
        counted_to: '2026-04-24',
      },
    },
    warnings: [{ code: 'left-over', message: 'gamma' }],
  };
  const published = { branch: 'badges', url: 'https://x' };
  const byName = (count: number, entryOf: (at: number) => object) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`p-${at}`, entryOf(at)]));

  it('has figures, what needs attention, and the snippets', () => {
    const text = summary({ health, snippets: '[![a](b)](c)', notes: ['it is <new>'], published });
    for (const part of [
      '| alpha | 30d | 1,234 | 2,240 | 2026-04-24 | ok |\n',
      '| beta | 7d | - | - | 2026-04-20 | failed (not-found) |\n',
      '| part | 30d | 87 | 87 | 2026-04-24 | ok |\n| part | 7d | - | - | 2026-04-24 | failed (incomplete-window) |\n',
      '**alpha** (no-rows): is the \\*name\\* right?\n',
      '- it is &lt;new>\n- **beta** failed (not-found): &lt;b>no&lt;/b> \\| such table\n',
      '- (left-over): gamma\n',
      'Published to [badges](https://x)',
      '```markdown\n[![a](b)](c)\n```',
    ]) {
      expect(text).toContain(part);
    }
  });

  /** GitHub's limit of a step, above which it shows nothing. */
  const MOST = 1024 * 1024;

  it.each([
    [5_000, 'of one cause', () => 'BigQuery refused; grant the role '.repeat(9)],
    [5_000, 'of a cause each', (at: number) => `${at}: ${'<&|* ü '.repeat(40)}`],
  ])('stays below the limit with %i packages that failed %s', (count, _why, error) => {
    const packages = byName(count, (at) => failed(error(at), 'permission'));
    const lines = Array.from({ length: count * 3 }, (_, at) => `[![${'x'.repeat(200)}](b${at})](c)`);
    const health = { source: 'bigquery', packages };
    const large = summary({ health, snippets: lines.join('\n'), notes: ['it is new'], published });
    expect(Buffer.byteLength(large)).toBeLessThan(MOST);
    const left = count * 3 - (large.match(/^\[!\[x/gm)?.length ?? 0);
    expect(large).toContain(`\`\`\`\n\n${left.toLocaleString('en-US')} more snippets are left out here`);
  });

  it('says once what is alike, and tells of every window that there is room for', () => {
    const window = { count: 1_234, excluded: { ci: 1_000 } };
    const windows = [7, 30, 90].map((days) => ({ window_days: days, ...window }));
    const packages = byName(5_000, (at) =>
      at < 1_200 ? failed('no permission', 'permission') : { windows },
    );
    const large = summary({ health: { source: 'bigquery', packages }, snippets: '', notes: [], published });
    const once = '- **p-0, p-1, p-2, p-3, p-4 and 1195 more** failed (permission): no permission\n';
    expect(large).toContain(once);
    const shown = large.match(/^\| p-/gm)?.length ?? 0;
    expect(shown).toBeGreaterThan(3_000);
    const left = (1_200 + 3_800 * 3 - shown).toLocaleString('en-US');
    expect(large).toContain(`\n${left} more rows are left out here`);
  });
});

// Words of git and GitHub.
const REJECTED = '! [remote rejected] a -> badges';
const HOOK = `${REJECTED} (pre-receive hook declined)`;
const DENIED =
  "fatal: unable to access 'https://github.com/alice/project.git/': The requested URL returned error";
it.each([
  ['remote: error: GH006: Protected branch update failed for refs/heads/badges.', 'protected'],
  ['remote: error: GH013: Repository rule violations found for refs/heads/badges.', 'protected'],
  [HOOK, 'refused'],
  ["fatal: could not read Username for 'https://github.com': terminal prompts disabled", 'credentials'],
  ['! [rejected] a -> badges (stale info)', 'moved'],
  [`${REJECTED} (cannot lock ref 'refs/heads/badges': is at 1 but expected 2)`, 'moved'],
  ["fatal: unable to access 'https://github.com/': Could not resolve host: github.com", 'passing'],
  [`${DENIED}: 502`, 'passing'],
  ['fatal: something new', 'unknown'],
])('%s is a fault of the kind %s', (stderr, kind) => {
  expect(remoteFault(stderr)).toBe(kind);
});

describe('refusal', () => {
  const place = { branch: 'badges', repository: 'alice/project', server: 'https://github.com' };
  const settings = { ...place, isOwnToken: true };
  const denied = (words: string) => `remote: ${words}\n${DENIED}: 403`;

  // What is advised, and what must not be.
  it.each([
    [
      "remote: Repository not found.\nfatal: repository 'https://github.com/alice/project.git/' not found",
      /^https:\/\/github\.com has no alice\/project for this token.*permissions: contents: write/,
      /could not be reached/,
    ],
    [`remote: error: GH001: Large files detected.\n${HOOK}`, /too large/, /protected|contents: write/],
    ['error: RPC failed; HTTP 413 curl 22 The requested URL returned error: 413', /too large/, /reached/],
    ['remote: fatal: pack exceeds maximum allowed size', /too large/, /reached/],
    [
      HOOK,
      /^git could not read or write the branch badges of alice\/project\. git said: .*declined/,
      /protected/,
    ],
    [denied('The `acme` organization has an IP allow list enabled'), /IP allow list only/, /contents: write/],
    [denied('`acme` has enabled or enforced SAML SSO.'), /authorize the token/, /contents: write/],
    [denied('This repository was archived so it is read-only.'), /is archived/, /contents: write/],
    [denied('Permission to alice/project.git denied to bot.'), /permissions: contents: write/, /input token/],
    [`${DENIED.replace('alice/project', 'acme/sso')}: 502`, /could not be reached/, /sign-on/],
    ["fatal: Authentication failed for 'https://github.com/'", /own token/, /leave the input token out/],
    ['! [remote rejected] a -> badges/a (directory file conflict)', /stands in the way/, /moved/],
    ['fatal: bad config line 3 in file /home/runner/.gitconfig', /git said: bad config line 3/, /reached/],
  ])('%s', (words, advised, never) => {
    const { message } = refusal(words, settings);
    expect(message).toMatch(advised);
    expect(message).not.toMatch(never);
    // Git's own words, at least their end.
    expect(message).toContain(/(?:remote: |fatal: |error: |! )(?:error: |fatal: )?(.*)/.exec(words)?.[1]);
  });

  it('advises on the token where it is an input', () => {
    for (const words of ['remote: Write access to repository not granted.', 'fatal: Authentication failed']) {
      const { message } = refusal(words, { ...settings, isOwnToken: false });
      expect(message).toMatch(/leave the input token out/);
    }
  });

  it('leaves out what says nothing, and bounds the rest', () => {
    const failed = "error: failed to push some refs to 'x'\n";
    expect(gitWords(`To https://github.com/\nremote: a\u0007b\nremote: a\u0007b\n${failed}`)).toBe('a b');
    expect(gitWords('')).toBe('nothing');
    expect(gitWords(`a hook refused it\n${failed}`)).toBe('a hook refused it');
    expect(gitWords(`remote: ${'x'.repeat(9_000)}`).length).toBeLessThan(600);
  });
});
