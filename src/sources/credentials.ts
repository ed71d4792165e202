import { readFileSync } from 'node:fs';
import { SourceError } from './source.ts';

/** What of a key file may be known outside of Google's client: never the key itself. */
export interface KeyFile {
  readonly type: string;
  readonly projectId?: string;
}

/**
 * Looks at a credential file, so that a wrong one is told apart from a refused one.
 *
 * @param path Absolute path.
 * @throws SourceError if it cannot be read or is no credential file. Nothing of its content is in the message.
 */
export function inspectKeyFile(path: string): KeyFile {
  const fail = (what: string) => new SourceError(`credential_file ${path}: ${what}`, { affectsAll: true });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw fail('there is no such file; put the service account key there');
    if (code === 'EACCES')
      throw fail('it may not be read; give the user that runs the collector read permission');
    throw fail(`it cannot be read (${code})`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail('it is not JSON; download the key again from the Google Cloud console');
  }
  const { type, project_id } = (value ?? {}) as { type?: unknown; project_id?: unknown };
  if (typeof type !== 'string') {
    throw fail(
      'it is not a credential file (it has no "type"); download the key again from the Google Cloud console',
    );
  }
  return typeof project_id === 'string' ? { type, projectId: project_id } : { type };
}
