import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBranch } from '../../action/branch.mjs';
import { layOutMerged } from '../../action/merge.mjs';
import { EMPTY_LEDGER } from '../../src/state/ledger.ts';
import { parseLedger, serializeLedger } from '../../src/state/ledgers.ts';
import { listen } from '../support/listen.ts';
import { makeOrigin, type Origin } from './git.ts';

/*
 * The branch over HTTP, served by git's own http-backend behind a server that asks for a token as GitHub does.
 */

const AUTHORIZATION = `Basic ${btoa('x-access-token:good')}`;

let origin: Origin;
let url: string;
let server: Awaited<ReturnType<typeof listen>>;
/** What the server answers instead of asking git; one for each request. */
let faults: number[];
let mayWrite: boolean;

function serve(request: IncomingMessage, response: ServerResponse): void {
  const fault = faults.shift();
  const given = request.headers.authorization ?? '';
  const { pathname, search } = new URL(request.url ?? '/', url);
  const writes = `${pathname}${search}`.includes('git-receive-pack');
  const refused = given.toLowerCase() !== AUTHORIZATION.toLowerCase() ? 401 : writes && !mayWrite && 403;
  const status = fault ?? refused;
  if (status) {
    response.writeHead(status, { 'www-authenticate': 'Basic realm="GitHub"' }).end();
    return;
  }
  const env = {
    GIT_PROJECT_ROOT: origin.folder,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: pathname,
    QUERY_STRING: search.slice(1),
    REQUEST_METHOD: request.method ?? 'GET',
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    REMOTE_USER: 'x-access-token',
  };
  const child = spawn('git', ['http-backend'], { env: { ...process.env, ...env } });
  request.pipe(child.stdin);
  buffer(child.stdout).then((answer) => {
    const end = answer.indexOf('\r\n\r\n');
    const lines = answer.subarray(0, end).toString().split('\r\n');
    const headers = Object.fromEntries(lines.map((line) => line.split(': ')));
    const code = Number.parseInt(headers['Status'] ?? '200', 10);
    response.writeHead(code, headers).end(answer.subarray(end + 4));
  });
}

beforeEach(async () => {
  origin = makeOrigin();
  origin.git('config', 'http.receivepack', 'true');
  faults = [];
  mayWrite = true;
  server = await listen(createServer(serve));
  url = `http://127.0.0.1:${server.port}`;
});
afterEach(() => server.close());

/** A run's folders, and the branch as it sees it. */
async function open({ token = 'good', branch: name = 'badges', runner = {} as Record<string, string> } = {}) {
  const folder = mkdtempSync(join(origin.folder, 'run-'));
  const settings = {
    branch: name,
    remote: `${url}/alice/project.git`,
    server: url,
    repository: 'alice/project',
    token,
    isOwnToken: token === 'good',
  };
  const env = { PATH: process.env['PATH'], HOME: folder, ...runner };
  const branch = openBranch(settings, env, folder, [1, 1]);
  await branch.init();
  const places = { outputDir: join(folder, 'output'), stateDir: join(folder, 'state') };
  return {
    branch,
    places,
    /** Publishes one file on top of what is there. */
    async publish(name: string) {
      const before = await branch.fetch();
      await branch.layOut(before, places);
      writeFileSync(join(places.outputDir, name), name);
      writeFileSync(join(places.stateDir, 'spend.json'), name);
      const commit = await branch.commit(await branch.tree(places, () => true), 'test');
      return branch.replace(before, commit);
    },
  };
}

it('goes to the branch and back with the token, as one commit', async () => {
  expect(await (await open()).publish('a')).toBe('pushed');
  const second = await open();
  expect(await second.publish('b')).toBe('pushed');
  expect(origin.commits()).toBe(1);
  expect(Object.keys(origin.files()).toSorted()).toEqual(['.nojekyll', '.state/spend.json', 'a', 'b']);
  expect(readFileSync(join(second.places.outputDir, 'a'), 'utf8')).toBe('a');
  expect(existsSync(join(second.places.outputDir, '.state'))).toBe(false);
});

it('publishes no socket of a lock and nothing half-written', async () => {
  const { branch, places } = await open();
  await branch.layOut(undefined, places);
  writeFileSync(join(places.stateDir, 'x.tmp'), '');
  const lock = createServer().listen(join(places.stateDir, 'run.lock'));
  await new Promise((done) => lock.once('listening', done));
  const tree = await branch.tree(places, () => true);
  lock.close();
  expect(await branch.paths(tree)).toEqual(['.nojekyll']);
});

it('does not overwrite what somebody else has published meanwhile', async () => {
  const [one, other] = [await open(), await open()];
  await one.branch.layOut(await one.branch.fetch(), one.places);
  expect(await other.publish('other')).toBe('pushed');
  const commit = await one.branch.commit(await one.branch.tree(one.places, () => true), 'late');
  expect(await one.branch.replace(undefined, commit)).toBe('moved');
  expect(Object.keys(origin.files())).toContain('other');
});

it('lays out what both runs have done, file by file', async () => {
  const identity = { source: 'bigquery', package: 'alpha' };
  const ledger = (...days: string[]) =>
    serializeLedger(
      { ...EMPTY_LEDGER, days: new Map(days.map((day) => [day, { partitionRows: 1, rows: [] }])) },
      identity,
    );
  const memory = (...attempted: string[]) => {
    const entries = attempted.map((at, index) => [`p-${index}`, { attempted: at }]);
    return { packages: Object.fromEntries(entries) };
  };
  const { branch, places } = await open();
  /** What stands in each file before, in ours, in theirs, and then: undefined where there is none. */
  const FILES: Record<string, (string | undefined)[]> = {
    same: ['0', '0', '0', '0'],
    ours: ['0', 'ours', '0', 'ours'],
    theirs: ['0', '0', 'theirs', 'theirs'],
    both: ['0', 'ours', 'theirs', 'ours'],
    new: [undefined, 'ours', undefined, 'ours'],
    gone: ['0', undefined, '0', undefined],
    kept: ['0', undefined, 'theirs', 'theirs'],
  };
  async function treeOf(which: number, days: string[], ...attempted: string[]): Promise<string> {
    await branch.layOut(undefined, places);
    mkdirSync(join(places.stateDir, 'ledger'));
    writeFileSync(join(places.stateDir, 'ledger/alpha.json'), ledger(...days));
    writeFileSync(join(places.stateDir, '_health.json'), JSON.stringify(memory(...attempted)));
    for (const [name, { [which]: content }] of Object.entries(FILES)) {
      if (content !== undefined) writeFileSync(join(places.outputDir, `${name}.json`), content);
    }
    return branch.tree(places, () => true);
  }
  const base = await treeOf(0, ['2026-04-01'], '1', '1');
  const ours = await treeOf(1, ['2026-04-01', '2026-04-02'], '3', '1');
  const theirs = await treeOf(2, ['2026-04-01', '2026-04-03'], '2', '2', '2');
  await layOutMerged(branch, { base, ours, theirs }, places);
  const read = (...path: string[]) => readFileSync(join(...path), 'utf8');
  for (const [name, { 3: merged }] of Object.entries(FILES)) {
    const path = join(places.outputDir, `${name}.json`);
    expect(existsSync(path) ? read(path) : undefined, name).toBe(merged);
  }
  const { days } = parseLedger(read(places.stateDir, 'ledger/alpha.json'), identity);
  expect([...days.keys()]).toEqual(['2026-04-01', '2026-04-02', '2026-04-03']);
  expect(JSON.parse(read(places.stateDir, '_health.json'))).toEqual(memory('3', '2', '2'));
});

it.each([
  ['badges', 'badges/downloads', true],
  ['badges/downloads', 'badges', true],
  ['a/b', 'a/b/c/d', true],
  ['a/b/c/d', 'a/b', true],
  ['badges-old', 'badges', false],
  ['badges/other', 'badges/downloads', false],
  ['x/refs/heads/badges', 'badges', false],
])('beside the branch %s, %s is refused before anything is counted: %s', async (there, branch, refused) => {
  makeOther(there);
  const found = (await open({ branch })).branch.fetch();
  if (refused) await expect(found).rejects.toThrow(`cannot be beside the branch ${there} of alice/project`);
  else expect(await found).toBeUndefined();
});

describe("a runner's git", () => {
  it('publishes whatever its configuration asks of pushes and commits', async () => {
    const hooks = join(origin.folder, 'hooks');
    mkdirSync(hooks);
    for (const name of ['pre-push', 'reference-transaction']) {
      writeFileSync(join(hooks, name), '#!/bin/sh\necho refused by a hook >&2\nexit 1\n', { mode: 0o755 });
    }
    const config = join(origin.folder, 'runner');
    const asks = `[core]\nhooksPath=${hooks}\n[push]\ngpgSign=true\npushOption=ci.skip\nfollowTags=true\n[commit]\ngpgSign=true\n[init]\ndefaultObjectFormat=sha256\n`;
    writeFileSync(config, asks);
    const runner = { GIT_CONFIG_GLOBAL: config, GIT_DEFAULT_HASH: 'sha256' };
    const { branch, places, publish } = await open({ runner });
    await branch.demandWritable(await branch.fetch(), places);
    expect(await publish('a')).toBe('pushed');
    expect(await (await open({ runner })).publish('b')).toBe('pushed');
  });

  it.each([
    ['GIT_CONFIG_GLOBAL', 'broken', /^git \w+ failed on this runner\. git said: bad config line 1/],
    ['PATH', 'old', /^git version 2\.30\.2 is too old.*install git 2\.31 or later/],
    ['PATH', 'none', /^git could not be started/],
  ])('where %s is %s is said in a sentence', async (variable, name, sentence) => {
    const place = join(origin.folder, name);
    if (name === 'broken') writeFileSync(place, '[core\n');
    else mkdirSync(place);
    if (name === 'old')
      writeFileSync(join(place, 'git'), '#!/bin/sh\necho git version 2.30.2\n', { mode: 0o755 });
    await expect(open({ runner: { [variable]: place } })).rejects.toThrow(sentence);
  });
});

it('tries again what may pass, and says that GitHub could not be reached when it stays away', async () => {
  const { branch, publish } = await open();
  faults = [502, 503];
  expect(await publish('a')).toBe('pushed');
  faults = [502, 502, 502];
  await expect(branch.fetch()).rejects.toThrow(/could not be reached\. git said: .*502/);
});

it.each([false, true])(
  'says that the workflow may not write, also where there is a branch: %s',
  async (is) => {
    const { branch, places, publish } = await open();
    if (is) await publish('a');
    const found = await branch.fetch();
    mayWrite = false;
    await expect(branch.demandWritable(found, places)).rejects.toThrow(/permissions: contents: write/);
  },
);

it('begins a branch that is not there, and leaves one that is as it is', async () => {
  const { branch, places, publish } = await open();
  const first = await branch.demandWritable(undefined, places);
  expect(Object.keys(origin.files())).toEqual(['.nojekyll']);
  expect(await branch.fetch()).toBe(first);
  expect(await publish('a')).toBe('pushed');
  const second = await branch.fetch();
  expect(await branch.demandWritable(second, places)).toBe(second);
  expect(origin.git('rev-parse', 'badges')).toBe(second);
  // Another run was faster.
  expect(await branch.demandWritable(undefined, places)).toBe(second);
});

it('says that the token is wrong, without repeating it', async () => {
  const { branch } = await open({ token: 'secret-and-bad' });
  await expect(branch.fetch()).rejects.toThrow(/does not accept the token/);
  await expect(branch.fetch()).rejects.not.toThrow(/secret-and-bad/);
});

it('says that the branch is protected', async () => {
  mkdirSync(join(origin.path, 'hooks'), { recursive: true });
  const refusal = 'error: GH006: Protected branch update failed for refs/heads/badges.';
  const hook = `#!/bin/sh\necho "${refusal}" >&2\nexit 1\n`;
  writeFileSync(join(origin.path, 'hooks/pre-receive'), hook, { mode: 0o755 });
  const { branch, places } = await open();
  const says = /the branch badges of alice\/project is protected from pushing/;
  await expect(branch.demandWritable(undefined, places)).rejects.toThrow(says);
});

it('leaves a branch alone that holds something else', async () => {
  makeOther('badges');
  const { publish } = await open();
  await expect(publish('a')).rejects.toThrow(/holds something that pypi-badges did not publish/);
  expect(Object.keys(origin.files())).toEqual(['setup.py']);
});

/** Makes a branch that holds a file which is none of ours. */
function makeOther(name: string) {
  const blob = origin.git('hash-object', '-w', origin.config);
  const input = `100644 blob ${blob}\tsetup.py\n`;
  const tree = execFileSync('git', ['--git-dir', origin.path, 'mktree'], { input }).toString().trim();
  origin.git('update-ref', `refs/heads/${name}`, origin.git('commit-tree', tree, '-m', 'sources'));
}
