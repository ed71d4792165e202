import { onTestFinished } from 'vitest';
import { daysOf } from '../../src/days/day.ts';
import { BigQueryServer, type ServerOptions, type ServerRow } from './bigquery-server.ts';
import { listText, type More, openProject } from './project.ts';

/** Text of the key that must appear nowhere. */
export const SECRET = 'c2VjcmV0LWtleS1tYXRlcmlhbC0wMTIzNDU2Nzg5YWJjZGVm';

/** Every day of April 2026 before the 25th: one download of each package by pip, and two by CI. */
export function aprilRows(packages: readonly string[]): ServerRow[] {
  return packages.flatMap((project) =>
    daysOf({ start: '2026-04-01', end: '2026-04-25' }).flatMap((day) => [
      { project, day, installer: 'pip', system: 'Linux', downloads: 1 },
      { project, day, ci: true, installer: 'uv', system: 'Linux', downloads: 2 },
    ]),
  );
}

export type BigQueryProject = Awaited<ReturnType<typeof bigQueryProject>>;

/** Packages of 7 days, or of what their YAML says, that are counted from BigQuery. */
export async function bigQueryProject(
  packages: readonly string[],
  options: ServerOptions = {},
  more: More = {},
) {
  const server = await BigQueryServer.start({ rows: aprilRows(packages), ...options });
  onTestFinished(() => server.close());
  const project = openProject({ BIGQUERY_EMULATOR_HOST: server.host });
  const track = (names: readonly string[], { service, source, ...rest }: More = {}) => {
    const items = names.map((name) => (name.startsWith('{') ? name : `{name: ${name}, window_days: 7}`));
    const text = listText('bigquery', items, {
      service: `credential_file: key.json${service === undefined ? '' : `, ${service}`}`,
      source: `project_id: my-project${source === undefined ? '' : `, ${source}`}`,
      ...rest,
    });
    project.put('tracked.yaml', text);
  };
  project.put('key.json', JSON.stringify({ type: 'service_account', private_key: SECRET }));
  track(packages, more);
  return {
    ...project,
    track,
    server,
    /** Packages whose rows were asked for, in order; several together as undefined. */
    asked: () => [...server.jobs.values()].flatMap((job) => job.package ?? []),
  };
}
