import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Download, writeNdjson } from './downloads.ts';

/** A folder with a tracked.yaml and its local table, as an operator would have it. */
export interface Project {
  readonly folder: string;
  readonly output: string;
  /** Replaces the table. */
  table(downloads: readonly Download[]): void;
  /** Replaces tracked.yaml; `packages` is YAML of the list's items, one each. */
  track(packages: readonly string[], service?: string): void;
  /** Writes a file below the output folder, as an earlier run might have. */
  put(path: string, content: string): void;
  /** What a file below the output folder holds, as text. */
  read(path: string): string;
  message(name: string, file: string): string;
  health(): {
    started: string;
    finished: string;
    upstream: unknown;
    packages: Record<string, Record<string, unknown>>;
  };
  /** Every file below the output folder with what tells whether it was touched. */
  prints(): Record<string, string>;
}

export function makeProject(
  folder: string,
  packages: readonly string[],
  downloads: readonly Download[],
): Project {
  const output = join(folder, 'output');
  const project: Project = {
    folder,
    output,
    table: (rows) => writeNdjson(join(folder, 'rows.ndjson'), rows),
    track(items, service = '') {
      const list = items.map((item) => `  - ${item}\n`).join('');
      writeFileSync(
        join(folder, 'tracked.yaml'),
        `service:\n  output_dir: output\n  source: duckdb\n${service}duckdb:\n  files: rows.ndjson\npackages:\n${list}`,
      );
    },
    put(path, content) {
      mkdirSync(join(output, path, '..'), { recursive: true });
      writeFileSync(join(output, path), content);
    },
    read: (path) => readFileSync(join(output, path), 'utf8'),
    message: (name, file) => JSON.parse(project.read(`${name}/${file}.json`)).message,
    health: () => JSON.parse(project.read('_health.json')),
    prints() {
      const files = existsSync(output) ? readdirSync(output, { recursive: true, encoding: 'utf8' }) : [];
      return Object.fromEntries(
        files.toSorted().map((file) => {
          const { ino, mtimeMs, ctimeMs, size } = statSync(join(output, file));
          return [file, [ino, mtimeMs, ctimeMs, size].join(' ')];
        }),
      );
    },
  };
  project.table(downloads);
  project.track(packages);
  return project;
}

/** Of what `prints` tells, the badges and their like: pages are drawn anew by every run, whatever came of it. */
export function withoutPages(prints: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(prints).filter(([file]) => /\.(json|svg)$/.test(file)));
}
