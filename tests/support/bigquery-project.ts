import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { BigQueryServer, type ServerOptions, type ServerRow } from './bigquery-server.ts';
import { tempFolder } from './temp-folder.ts';

/** Text of the key that must appear nowhere. */
export const SECRET = 'c2VjcmV0LWtleS1tYXRlcmlhbC0wMTIzNDU2Nzg5YWJjZGVm';

/** Every day of April 2026 before the 25th: one download of each package by pip, and two by CI. */
export function aprilRows(packages: readonly string[]): ServerRow[] {
  return packages.flatMap((project) =>
    Array.from({ length: 24 }, (_, index) => `2026-04-${String(index + 1).padStart(2, '0')}`).flatMap(
      (day) => [
        { project, day, installer: 'pip', system: 'Linux', downloads: 1 },
        { project, day, ci: true, installer: 'uv', system: 'Linux', downloads: 2 },
      ],
    ),
  );
}

/** A folder with a tracked.yaml on BigQuery, and the server that answers it. */
export interface BigQueryProject {
  readonly folder: string;
  readonly server: BigQueryServer;
  readonly env: Record<string, string>;
  /** Writes tracked.yaml again, with more lines of the sections `service` and `bigquery`. */
  track(packages: readonly string[], more?: { service?: string; bigquery?: string }): void;
  put(path: string, content: string): void;
  read(path: string): string;
  health(): { packages: Record<string, Record<string, unknown>>; upstream: unknown };
  /** What every file below the folder holds, by path. */
  files(): Record<string, string>;
}

export async function bigQueryProject(
  packages: readonly string[],
  options: ServerOptions = {},
  more: { service?: string; bigquery?: string } = {},
): Promise<BigQueryProject> {
  const folder = tempFolder();
  const server = await BigQueryServer.start({ rows: aprilRows(packages), ...options });
  onTestFinished(() => server.close());
  const project: BigQueryProject = {
    folder,
    server,
    env: { BIGQUERY_EMULATOR_HOST: server.host },
    track(names, { service = '', bigquery = '' } = {}) {
      const list = names.map((name) => `  - {name: ${name}, window_days: 7}\n`).join('');
      writeFileSync(
        join(folder, 'tracked.yaml'),
        `service:\n  output_dir: output\n  credential_file: key.json\n${service}bigquery:\n  project_id: my-project\n${bigquery}packages:\n${list}`,
      );
    },
    put(path, content) {
      mkdirSync(join(folder, path, '..'), { recursive: true });
      writeFileSync(join(folder, path), content);
    },
    read: (path) => readFileSync(join(folder, path), 'utf8'),
    health: () => JSON.parse(project.read('output/_health.json')),
    files() {
      const paths = readdirSync(folder, { recursive: true, withFileTypes: true });
      return Object.fromEntries(
        paths
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
          .filter((path) => existsSync(path))
          .map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]),
      );
    },
  };
  project.put('key.json', JSON.stringify({ type: 'service_account', private_key: SECRET }));
  project.track(packages, more);
  return project;
}
