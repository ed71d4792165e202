#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

// Before anything else is loaded: a container's first process has no default for these signals, so one
// without a listener is lost.
let interrupt: ((signal: 'SIGINT' | 'SIGTERM', exitCode: number) => void) | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  const exitCode = 128 + constants.signals[signal];
  process.on(signal, () => {
    if (interrupt !== undefined) return interrupt(signal, exitCode);
    // Else the prompt would stand behind a line of progress.
    if (process.stderr.isTTY) process.stderr.write('\n');
    process.exit(exitCode);
  });
}

// An older one would end somewhere in the middle of things, with a stack.
const { nodeFault } = await import('./node-version.ts');
const fault = nodeFault(process.versions.node);
if (fault !== undefined) {
  process.stderr.write(`pypi-badges: Node.js ${fault}\n`);
  process.exit(1);
}

const [{ Interruption }, { crash, main }] = await Promise.all([
  import('./commands/context.ts'),
  import('./program.ts'),
]);
const { version, bugs } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

// A reader that closes the pipe early (`| head`) wants no more; that is not a fault. What else cannot be written is none of
// this program's either, such as on a full disk. Without its log a run goes on.
process.stderr.on('error', () => undefined);
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') return;
  process.stderr.write(`pypi-badges: stdout cannot be written: ${message}\n`);
  process.exit(1);
});

function interruptible(): AbortSignal {
  const controller = new AbortController();
  interrupt = (signal, exitCode) => {
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(new Interruption(signal, exitCode));
  };
  return controller.signal;
}

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    // The terminal hands Ctrl-C over as a character.
    terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    // Who ends the input without an answer does not agree to anything.
    return await Promise.race([
      terminal.question(question),
      new Promise<string>((resolve) => terminal.once('close', () => resolve(''))),
    ]);
  } finally {
    terminal.close();
  }
}

const argv = process.argv.slice(2);
const world = {
  cwd: process.cwd(),
  env: process.env,
  now: () => new Date(),
  stdout: process.stdout,
  stderr: process.stderr,
  interruptible,
  issuesUrl: bugs?.url,
  ...(process.stdin.isTTY ? { ask } : {}),
};
process.on('uncaughtException', (error) => process.exit(crash(error, argv, version, world)));
const exitCode = await main(argv, version, world);
// Not by itself: an answer that nobody needs any more would keep the process alive, and Node.js would take its memory
// down piece by piece, which takes longer than drawing a page.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise<unknown>((written) => stream.write('', written));
}
process.exit(exitCode);
