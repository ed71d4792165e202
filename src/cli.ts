#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

// Before anything else is loaded: a container's first process has no default for these signals, so one
// that nobody listens for is lost.
let interrupt: ((signal: 'SIGINT' | 'SIGTERM', exitCode: number) => void) | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  const exitCode = 128 + constants.signals[signal];
  process.on(signal, () => {
    if (interrupt === undefined) process.exit(exitCode);
    interrupt(signal, exitCode);
  });
}

/** How long a request that nobody waits for any more may keep the process alive, in milliseconds. */
const LINGER_MS = 1_000;

const { Interruption } = await import('./commands/context.ts');
const { main } = await import('./program.ts');
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

// A reader that closes the pipe early (`| head`) wants no more; that is not a fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

function interruptible(): AbortSignal {
  const controller = new AbortController();
  interrupt = (signal, exitCode) => {
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(new Interruption(signal, exitCode));
  };
  return controller.signal;
}

process.exitCode = await main(process.argv.slice(2), version, {
  cwd: process.cwd(),
  env: process.env,
  now: () => new Date(),
  stdout: process.stdout,
  stderr: process.stderr,
  interruptible,
});
setTimeout(() => process.exit(), LINGER_MS).unref();
