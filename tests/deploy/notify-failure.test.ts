import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, it } from 'vitest';
import { listen } from '../support/listen.ts';
import { tempFolder } from '../support/temp-folder.ts';

/* The hook as systemd starts it, with a journal of its own and a web server as the service. */

const hook = join(import.meta.dirname, '../../deploy/systemd/notify-failure.mjs');
const asked: { url: string | undefined; headers: IncomingHttpHeaders; body: string }[] = [];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  asked.push({ url: request.url, headers: request.headers, body });
  response.end('ok');
});
const { port, close } = await listen(server);
afterAll(close);

async function run(address: string) {
  const bin = tempFolder();
  const log = { level: 'error', time: '2026-04-25T04:10:00Z', package: 'alpha', msg: 'the key is refused' };
  writeFileSync(join(bin, 'journalctl'), `#!/bin/sh\ncat <<'END'\n${JSON.stringify(log)}\nEND\n`, {
    mode: 0o755,
  });
  return await execa(process.execPath, [hook, 'pypi-badges-collect', 'webhook'], {
    extendEnv: false,
    env: {
      PATH: `${bin}:/usr/bin:/bin`,
      WEBHOOK_URL: address,
      MONITOR_SERVICE_RESULT: 'exit-code',
      MONITOR_EXIT_STATUS: '1',
      MONITOR_INVOCATION_ID: 'a'.repeat(32),
    },
    all: true,
    reject: false,
  });
}

it('tells a service behind a password, and never prints its address', async () => {
  const { exitCode, all } = await run(`http://user:s3cret@127.0.0.1:${port}/hook/t0ken`);
  expect(all).toMatch(/^pypi-badges-collect failed on .*; told by webhook$/);
  const [request] = asked;
  // `printf user:s3cret | base64`
  const headers = { authorization: 'Basic dXNlcjpzM2NyZXQ=' };
  expect([exitCode, request]).toMatchObject([0, { url: '/hook/t0ken', headers }]);
  expect(JSON.parse(request?.body ?? '').text).toContain('error: alpha: the key is refused');
});

it('says that an address is none, without the address', async () => {
  const { exitCode, all } = await run('user:s3cret@127.0.0.1/t0ken');
  const says = /; not told by webhook: WEBHOOK_URL is no address; it must begin with https:\/\/$/;
  expect([exitCode, all]).toEqual([1, expect.stringMatching(says)]);
});
