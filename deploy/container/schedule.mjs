#!/usr/bin/env node
// Runs the collector at the hours of COLLECT_AT (UTC, such as 04:17,14:17), for as long as the container runs: for
// hosts that have Docker or Podman and nothing that starts things. It is a second entry point of the image. A run that was
// missed while the container was down is made up for at its start. After a run that ended well PING_URL is asked, if set.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/;
const DAY_MS = 86_400_000;

/** Times of day in minutes, earliest first. */
function minutesOfDay(times) {
  const minutes = times.split(',').map((text) => {
    const [, hour, minute] = TIME.exec(text.trim()) ?? [];
    if (hour === undefined) {
      throw new RangeError(`COLLECT_AT: "${text}" is no time; write times of UTC as 04:17 or 04:17,14:17`);
    }
    return Number(hour) * 60 + Number(minute);
  });
  return minutes.toSorted((a, b) => a - b);
}

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
  const due = minutesOfDay(times).map((minute) => midnight + minute * 60_000);
  return new Date(due.find((time) => time > now.getTime()) ?? due[0] + DAY_MS);
}

/**
 * Whether a run that was due has not been: the container was down at its time, or there never was one.
 *
 * @param {string} times As for nextRun.
 * @param {Date} now
 * @param {Date} [last] When the last run ended.
 * @throws {RangeError} if the text is no list of times.
 */
export function isOverdue(times, now, last) {
  if (last === undefined) return true;
  // The first time after that run is still to come, or is not.
  return nextRun(times, last) <= now;
}

const say = (msg, level = 'info') =>
  process.stderr.write(`${JSON.stringify({ level, time: new Date().toISOString(), msg })}\n`);

const cli = fileURLToPath(new URL('dist/cli.js', import.meta.url));

/** Runs a command of the collector, which is told to end when this process is. */
async function command(argv, stopping, stdout) {
  const child = spawn(process.execPath, [cli, ...argv], { stdio: ['ignore', stdout, 'inherit'] });
  const stop = () => child.kill('SIGTERM');
  stopping.addEventListener('abort', stop);
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  const [code, signal] = await new Promise((done) => {
    child.once('close', (...ended) => done(ended));
    child.once('error', (error) => done([1, error.message]));
  });
  stopping.removeEventListener('abort', stop);
  return { code, signal, text };
}

/** When the last run ended; undefined if there was none that `status` knows of. */
async function lastRun(stopping) {
  // What is wrong with a list is said by the run, at once; here it would only be said twice.
  const { text } = await command(['status', '--json', '--log-level', 'silent'], stopping, 'pipe');
  try {
    const { finished } = JSON.parse(text);
    return finished === undefined ? undefined : new Date(finished);
  } catch {
    return undefined;
  }
}

/** Tells a dead-man's switch that all is well. Its address is a secret: who has it can keep it silent. */
async function ping(address) {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(15_000) });
    if (!answer.ok) say(`PING_URL answered ${answer.status}`, 'warn');
  } catch (error) {
    say(`PING_URL could not be reached: ${error.cause?.code ?? error.name}`, 'warn');
  }
}

async function collect(pingUrl, stopping) {
  const { code, signal } = await command(['collect', '--wait', '20'], stopping, 'ignore');
  if (code !== 0) {
    const how = signal ?? `exit code ${code}`;
    if (stopping.aborted) say(`the run was stopped: ${how}`);
    else say(`the run ended badly: ${how}`, 'error');
    return;
  }
  say('the run ended well');
  if (pingUrl) await ping(pingUrl);
}

/** A clock that is set, or a host that sleeps, is noticed within this time. */
const LOOK_MS = 60_000;

async function until(time, signal) {
  while (!signal.aborted && Date.now() < time.getTime()) {
    const waitMs = Math.min(time.getTime() - Date.now(), LOOK_MS);
    await sleep(waitMs, undefined, { signal }).catch(() => {});
  }
}

async function main() {
  const { COLLECT_AT: times = '04:17,14:17', PING_URL: pingUrl } = process.env;
  const controller = new AbortController();
  const { signal } = controller;
  for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => controller.abort());
  nextRun(times, new Date());
  if (isOverdue(times, new Date(), await lastRun(signal)) && !signal.aborted) await collect(pingUrl, signal);
  while (!signal.aborted) {
    const next = nextRun(times, new Date());
    say(`next run: ${next.toISOString()}`);
    await until(next, signal);
    if (!signal.aborted) await collect(pingUrl, signal);
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
