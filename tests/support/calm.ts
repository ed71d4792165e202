import { expect } from 'vitest';
import { type BigQueryProject, SECRET } from './bigquery-project.ts';

/**
 * What must hold after any run: nothing secret, no stack trace, no warning of Node's, log lines as JSON; of account, project
 * and host nothing in what is published.
 *
 * @param secrets What else must appear nowhere.
 */
export function expectCalm(
  project: BigQueryProject,
  { stdout, stderr }: { stdout: string; stderr: string },
  ...secrets: string[]
) {
  const { 'key.json': _, 'hush-token': __, ...files } = project.files();
  for (const text of [stdout, stderr, ...Object.values(files)]) {
    for (const secret of [SECRET, ...secrets]) expect(text).not.toContain(secret);
    expect(text).not.toMatch(/-----BEGIN|ya29\.|token-\d|hush/);
    expect(text).not.toMatch(/^\s+at .*[:(]\d+/m);
    expect(text).not.toMatch(/\(node:\d+\)|Warning:|[Uu]nhandled|[Uu]nexpected fault/);
  }
  for (const [path, text] of Object.entries(files)) {
    if (!path.startsWith('output/') || path.endsWith('_health.json')) continue;
    expect(text, path).not.toMatch(/my-project|127\.0\.0\.1|key\.json|\[job|googleapis|iam\./);
    expect(text, path).not.toContain(project.folder);
  }
  for (const line of stderr.trimEnd().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  expect(Object.keys(files).filter((path) => /\.(tmp|lock)/.test(path))).toEqual([]);
}
