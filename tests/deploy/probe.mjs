// Run in place of the collector, inside its unit's sandbox: tries what must not be possible and what must,
// and prints one JSON line with what happened.
import { spawnSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { resolve } from 'node:path';

const attempt = (action) => {
  try {
    return { ok: action() ?? true };
  } catch (error) {
    return { error: error.code ?? error.message };
  }
};
const write = (folder) =>
  attempt(() => {
    writeFileSync(`${folder}/probe`, 'x');
    rmSync(`${folder}/probe`);
  });
const command = (...words) => {
  const { status, error } = spawnSync(words[0], words.slice(1));
  return error ? { error: error.code } : { ok: status };
};

/** Where it tries to write, as seen from its own folder. */
const FOLDERS = [
  ...['output', 'state', '.', '/etc/pypi-badges', '/opt/pypi-badges', '/etc', '/usr', '/var/log', '/srv'],
  ...['/run', '/root', '/home'],
];
const key = process.env.GOOGLE_APPLICATION_CREDENTIALS;
const modeOf = (path) => attempt(() => (statSync(path).mode & 0o777).toString(8));
const status = readFileSync('/proc/self/status', 'utf8');
const result = {
  write: Object.fromEntries(FOLDERS.map((name) => [name, write(resolve('/var/lib/pypi-badges', name))])),
  temporary: write('/tmp'),
  seesTemporaryFilesOfOthers: readdirSync('/tmp').includes('seen-by-all'),
  makeFolderInOutput: attempt(() => {
    mkdirSync('/var/lib/pypi-badges/output/probe-folder');
    rmSync('/var/lib/pypi-badges/output/probe-folder', { recursive: true });
  }),
  keyAtItsOwnPath: attempt(() => readFileSync('/etc/pypi-badges/gcp.json', 'utf8').length),
  keyAt: key,
  keyMode: modeOf(key),
  keyOfTheUnit: attempt(() => readFileSync(key, 'utf8').length),
  keyOfTheUnitWritable: attempt(() => writeFileSync(key, '', { flag: 'r+' })),
  failureEnvironment: attempt(() => readFileSync('/etc/pypi-badges/failure.env', 'utf8').length),
  home: attempt(() => readdirSync('/home')),
  rootsHome: attempt(() => readdirSync('/root')),
  devices: readdirSync('/dev').filter((name) => /^(sd|vd|nvme|mem|kmsg|rtc|loop)/.test(name)),
  otherProcesses: readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .length,
  userId: process.getuid(),
  capabilities: /CapEff:\s*(\w+)/.exec(status)[1],
  noNewPrivileges: /NoNewPrivs:\s*(\d)/.exec(status)[1],
  seccomp: /Seccomp:\s*(\d)/.exec(status)[1],
  mount: command('mount', '-t', 'tmpfs', 'none', '/tmp'),
  namespace: command('unshare', '--user', 'true'),
  setHostname: command('hostname', 'probe'),
  // What Node and Google's client need.
  interfaces: attempt(() => Object.keys(networkInterfaces()).length),
  webAssembly: attempt(() => WebAssembly.validate(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))),
  resolve: await lookup('localhost').then(
    ({ address }) => ({ ok: address }),
    (error) => ({ error: error.code }),
  ),
  fetch: await new Promise((done) => {
    const server = createServer((_request, response) => response.writeHead(204).end());
    server.listen(0, '127.0.0.1', async () => {
      const answer = await fetch(`http://127.0.0.1:${server.address().port}/`).catch((error) => error);
      done(answer.status ?? answer.cause?.code ?? answer.message);
      server.closeAllConnections();
      server.close();
    });
  }),
  badgeFolderMode: modeOf('/var/lib/pypi-badges/output'),
};
console.error(JSON.stringify(result));
process.exit(0);
