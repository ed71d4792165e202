#!/usr/bin/env node
// Runs the collector at the hours of COLLECT_AT (UTC, such as 04:17,14:17), for as long as the container runs: for
// hosts that have Docker or Podman and nothing that starts things. It is a second entry point of the image.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/;
const DAY_MS = 86_400_000;

/**
 * When to run next.
 *
 * @param {string} times Such as `04:17,14:17`, UTC.
 * @param {Date} now
 * @returns {Date} After now.
 * @throws {RangeError} if the text is no list of times.
 */
export function nextRun(times, now) {
  const midnight = now.getTime() - (now.getTime() % DAY_MS);
  const next = times.split(',').map((text) => {
    const [, hour, minute] = TIME.exec(text.trim()) ?? [];
    if (hour === undefined) {
      throw new RangeError(`COLLECT_AT: "${text}" is no time; write times of UTC as 04:17 or 04:17,14:17`);
    }
    const today = midnight + (Number(hour) * 60 + Number(minute)) * 60_000;
    return today > now.getTime() ? today : today + DAY_MS;
  });
  return new Date(Math.min(...next));
}

const say = (msg, level = 'info') =>
  process.stderr.write(`${JSON.stringify({ level, time: new Date().toISOString(), msg })}\n`);

async function run(argv, stopping) {
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = () => child.kill('SIGTERM');
  stopping.addEventListener('abort', stop);
  const [code, signal] = await new Promise((done) => {
    child.once('close', (...ended) => done(ended));
    child.once('error', (error) => done([1, error.message]));
  });
  stopping.removeEventListener('abort', stop);
  if (code === 0) say('the run ended well');
  else say(`the run ended badly: ${signal ?? `exit code ${code}`}`, 'error');
}

async function main() {
  const { COLLECT_AT: times = '04:17,14:17' } = process.env;
  const cli = fileURLToPath(new URL('dist/cli.js', import.meta.url));
  const argv = [cli, 'collect', '--wait', '20'];
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => controller.abort());
  let next = nextRun(times, new Date());
  // A new installation should not have to wait for its first badges.
  if (!existsSync('/var/lib/pypi-badges/output/_health.json')) next = new Date();
  while (!controller.signal.aborted) {
    const waitMs = next.getTime() - Date.now();
    if (waitMs > 0) {
      say(`next run: ${next.toISOString()}`);
      await sleep(waitMs, undefined, { signal: controller.signal }).catch(() => {});
    }
    if (controller.signal.aborted) break;
    await run(argv, controller.signal);
    next = nextRun(times, new Date());
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await main();
  } catch (error) {
    say(error.message, 'fatal');
    process.exitCode = 2;
  }
}
