import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CLI } from '../support/command.ts';
import { type DayNumber, dayNumber } from '../support/independent.ts';

/*
 * The operator's machine: folders, a disk that can be filled, and the built command with a clock of its own.
 */

const HERE = import.meta.dirname;

export interface Tracked {
  readonly name: string;
  readonly windows: readonly number[];
}

/** How a run is ended before it ends by itself. */
export interface Blow {
  readonly signal: 'SIGKILL' | 'SIGTERM';
  readonly afterMs: number;
}

/** What a ledger has of a day: the rows of the whole table when it was read, null where that was not told. */
export type LedgerDays = ReadonlyMap<DayNumber, number | null>;

export interface PackageHealth {
  readonly error?: string;
  readonly error_code?: string;
  readonly counted_to?: string;
  readonly attempted?: string;
}

/** A tmpfs of a few MiB, or undefined where this process may not mount one. */
function mount(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export function openHouse(folder: string, host: string) {
  const disk = join(folder, 'disk');
  const filler = join(disk, 'filler');
  const output = join(disk, 'output');
  const health = join(output, '_health.json');
  mkdirSync(disk);
  const canFill = mount(disk);

  return {
    output,
    canFill,

    track(packages: readonly Tracked[]): void {
      const list = packages.map(({ name, windows }) => `  - {name: ${name}, window_days: [${windows}]}\n`);
      writeFileSync(
        join(folder, 'tracked.yaml'),
        `service: {output_dir: disk/output}\nbigquery: {project_id: p, monthly_budget_gib: null}\npackages:\n${list.join('')}`,
      );
    },

    /** Runs `collect` at an instant, ISO 8601. */
    async collect(
      now: string,
      blow?: Blow,
    ): Promise<{ exitCode: number | null; stderr: string; ms: number }> {
      const started = performance.now();
      const child = spawn(
        process.execPath,
        ['--import', join(HERE, 'clock.mjs'), CLI, 'collect', '--no-page', '--log-level', 'info'],
        {
          cwd: folder,
          env: {
            PATH: process.env['PATH'],
            HOME: folder,
            YEAR_NOW: now,
            BIGQUERY_EMULATOR_HOST: host,
          },
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      );
      let stderr = '';
      child.stderr.on('data', (part) => {
        stderr += part;
      });
      const ended = once(child, 'close');
      const timer = blow && setTimeout(() => child.kill(blow.signal), blow.afterMs);
      const [exitCode] = (await ended) as [number | null];
      clearTimeout(timer);
      return { exitCode, stderr, ms: performance.now() - started };
    },

    /** Leaves so many bytes free, at most a page more. */
    fill(free: number): void {
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - free)));
    },
    empty(): void {
      rmSync(filler, { force: true });
    },

    health(): { started: string; packages: Record<string, PackageHealth> } {
      return JSON.parse(readFileSync(health, 'utf8'));
    },
    /** The health file as it is, so that a run that wrote none can be told. */
    healthText: () => (existsSync(health) ? readFileSync(health, 'utf8') : ''),

    /** The messages of a package's badges, by file name. */
    badges(name: string): Record<string, string> {
      const place = join(output, name);
      if (!existsSync(place)) return {};
      return Object.fromEntries(
        readdirSync(place)
          .filter((file) => file.endsWith('-non-ci.json'))
          .map((file) => [file, JSON.parse(readFileSync(join(place, file), 'utf8')).message as string]),
      );
    },

    /** What the ledger of a package has; of a file that was written whole or not at all. */
    ledger(name: string): LedgerDays {
      const root = join(disk, 'state/ledger');
      if (!existsSync(root)) return new Map();
      const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
      const path = folders
        .map((entry) => join(root, entry.name, `${name}.json`))
        .find((each) => existsSync(each));
      if (path === undefined) return new Map();
      const { days } = JSON.parse(readFileSync(path, 'utf8')) as { days: [string, number | null][] };
      return new Map(days.map(([day, rows]) => [dayNumber(day), rows]));
    },

    /** Every file that bears a name of its own, for a look at whether it is whole. */
    jsonFiles(): string[] {
      return readdirSync(disk, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.json'))
        .map((path) => join(disk, path));
    },

    keepCopy(to: string): void {
      mkdirSync(to, { recursive: true });
      copyFileSync(join(folder, 'tracked.yaml'), join(to, 'tracked.yaml'));
      cpSync(disk, join(to, 'disk'), { recursive: true });
    },

    dispose(): void {
      if (canFill) execFileSync('umount', [disk]);
    },
  };
}

export type House = ReturnType<typeof openHouse>;
