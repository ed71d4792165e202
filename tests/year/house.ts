import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { startCommand } from '../support/command.ts';

/*
 * The operator's machine: folders on a disk that can be filled, and the built command with a clock of its own.
 */

const CLOCK = join(import.meta.dirname, 'clock.mjs');

export interface Tracked {
  readonly name: string;
  readonly windows: readonly number[];
}

/** How a run is ended before it ends by itself. */
export interface Blow {
  readonly signal: 'SIGKILL' | 'SIGTERM';
  readonly afterMs: number;
}

/** Puts a tmpfs of a few MiB over a folder; false where this process may not mount one. */
function mount(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return false;
  }
  onTestFinished(() => void execFileSync('umount', [folder]));
  return true;
}

export async function openHouse() {
  const { folder, env, files, track, server } = await bigQueryProject([]);
  const filler = join(folder, 'filler');
  return {
    folder,
    server,
    files,
    canFill: mount(folder),
    track: (packages: readonly Tracked[]) =>
      track(
        packages.map(({ name, windows }) => `{name: ${name}, window_days: [${windows}]}`),
        { source: 'monthly_budget_gib: null, query_timeout_seconds: 3' },
      ),

    /** Runs `collect` at an instant, ISO 8601. Without an exit code, it was killed. */
    async collect(now: string, blow?: Blow) {
      const argv = ['collect', '--no-page', '--log-level', 'info'];
      const child = startCommand(folder, argv, {
        env: { ...env, YEAR_NOW: now },
        node: ['--import', CLOCK],
      });
      const timer = blow && setTimeout(() => child.kill(blow.signal), blow.afterMs);
      const { exitCode, stderr } = await child;
      clearTimeout(timer);
      return { exitCode, stderr };
    },

    /** Leaves so many bytes free, at most a page more. */
    fill(free: number): void {
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - free)));
    },
    empty: () => rmSync(filler, { force: true }),
  };
}

export type House = Awaited<ReturnType<typeof openHouse>>;
