import { createReadStream, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { SourceError } from '../../errors/error.ts';

/** How DuckDB must read a file: what it is, whatever it is called. BigQuery's shards have no ending. */
export interface FileKind {
  /** `auto` is JSON objects, one a line or not. */
  readonly format: 'parquet' | 'array' | 'auto';
  readonly compression: 'uncompressed' | 'gzip' | 'zstd';
}

/** What makes a file of the right shape out of flat columns. */
export const NEST =
  "write the rows in the shape of BigQuery's table, in DuckDB: COPY (SELECT timestamp, {'project': project} AS file, {'ci': ci, 'installer': {'name': installer}, 'system': {'name': system}} AS details FROM '<file>') TO 'rows.parquet' (FORMAT parquet)";

const EXPORT =
  "export the rows from BigQuery: bq extract --destination_format=NEWLINE_DELIMITED_JSON <dataset>.<table> 'gs://<bucket>/rows-*.json'";

/** How the files begin that are not read, and what to do; one character is one byte. */
const UNREAD: readonly [RegExp, string][] = [
  [/^BZh/, 'is compressed with bzip2; decompress it first: bunzip2 <file>'],
  [/^\xfd7zXZ/, 'is compressed with xz; decompress it first: unxz <file>'],
  [/^PK[^ -~]/, 'is a zip archive; unpack it first: unzip <file>'],
  [/^(?:\xff\xfe|[^\0]\0)/, 'is UTF-16; make it UTF-8: iconv -f UTF-16LE -t UTF-8 <file> > rows.ndjson'],
  [/^(?:\xfe\xff|\0[^\0])/, 'is UTF-16; make it UTF-8: iconv -f UTF-16BE -t UTF-8 <file> > rows.ndjson'],
  [/^["\w][\w .-]*"?[,;\t]/, `is CSV; ${NEST}`],
  [/^\s*[^\s[{]/, `is neither NDJSON, JSON nor Parquet; ${EXPORT}`],
];

/** As much as tells what a file is. */
const HEAD_BYTES = 4096;

/** @returns What the disk says; undefined where there is nothing. @throws SourceError if it does not say. */
function look<T>(path: string, read: (path: string) => T): T | undefined {
  try {
    return read(path);
  } catch (error) {
    if (/^(ENOENT|ENOTDIR)$/.test(String((error as NodeJS.ErrnoException).code))) return undefined;
    throw refused(path, error);
  }
}

/** What the disk says of a file that cannot be read. */
function refused(path: string, error: unknown): SourceError {
  return unreadableFile(path, `cannot be read (${(error as NodeJS.ErrnoException).code})${homeAdvice(path)}`);
}

/** A service cannot see home folders (ProtectHome=): to it, they are empty or closed. */
function homeAdvice(path: string): string {
  return /^\/(home|root)\//.test(path)
    ? '; a systemd service cannot see home folders: put the files elsewhere'
    : '';
}

/** Whether a name fits `*`, `?` and `[...]`, as shells read them; names with a dot in front only where it is written. */
function nameMatcher(glob: string): RegExp {
  const source = glob.replaceAll(/\[!?\]?[^\]]*\]|[\\^$.*+?()[\]{}|/]/g, (part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    if (part.length === 1) return `\\${part}`;
    const inOrder = part.slice(1, -1).replaceAll(/(.)-(.)/gsu, (range, from: string, to: string) =>
      // UTF-8 has the order of code points.
      Buffer.from(from).compare(Buffer.from(to)) > 0 ? '' : range,
    );
    return `[${inOrder.replaceAll(/[\\\][^]/g, '\\$&').replace(/^!/, '^')}]`;
  });
  return new RegExp(`^${glob.startsWith('.') ? '' : '(?!\\.)'}${source}$`, 'su');
}

/** The paths below a folder that fit the rest of a pattern. A name that exists as it is written is no glob. */
function expand(folder: string, [segment, ...rest]: readonly string[]): string[] {
  if (segment === undefined) return [folder];
  if (segment === '**') {
    const entries = look(folder, (path) => readdirSync(path, { withFileTypes: true })) ?? [];
    const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
    const below = folders.flatMap(({ name }) => expand(join(folder, name), ['**', ...rest]));
    return [...expand(folder, rest.length === 0 ? ['*'] : rest), ...below];
  }
  const literal = !/[*?]/.test(segment) && look(join(folder, segment), lstatSync) !== undefined;
  const fits = nameMatcher(segment);
  const names = literal
    ? [segment]
    : (look(folder, (path) => readdirSync(path)) ?? []).filter((name) => name === segment || fits.test(name));
  return names.flatMap((name) => expand(join(folder, name), rest));
}

/**
 * The files that a path or glob names, each once, sorted.
 *
 * @param pattern Absolute; `*`, `?` and `[...]` stand for parts of a name, and `**` for folders at any depth.
 * @throws SourceError if there is none, or one of them is a folder or something else that is no file.
 */
export function findFiles(pattern: string): string[] {
  const files = new Map<string, string>();
  for (const path of expand('/', pattern.split('/').filter(Boolean)).toSorted()) {
    const stats = look(path, (each) => statSync(each));
    if (stats === undefined) throw unreadableFile(path, 'is a link to nothing; remove it');
    if (stats.isDirectory()) {
      if (pattern.includes('**')) continue;
      throw unreadableFile(path, `is a folder; name its files: ${path}/*`);
    }
    if (!stats.isFile())
      throw unreadableFile(path, 'is a pipe, a socket or a device; save its rows as a file');
    // A link to a file that is named too must not count its rows twice.
    const real = realpathSync(path);
    if (!files.has(real)) files.set(real, path);
  }
  if (files.size > 0) return [...files.values()];
  throw new SourceError(
    'files-missing',
    `duckdb.files: no file matches ${pattern}; check the path${homeAdvice(pattern)}`,
  );
}

/** A fault of one file or of all that a pattern names; `<file>` in its words stands for the path. */
export function unreadableFile(path: string, says: string): SourceError {
  return new SourceError('files-unreadable', `${path} ${says.replaceAll('<file>', () => path)}`);
}

function gunzipHead(path: string, head: Buffer): Buffer {
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    throw unreadableFile(path, 'is damaged: it begins like gzip, and is none');
  }
}

/**
 * What a file is, by its first bytes.
 *
 * @throws SourceError if it is none that can be read.
 */
export async function kindOf(path: string): Promise<FileKind> {
  const parts = createReadStream(path, { end: HEAD_BYTES - 1 }).toArray();
  const refuse = (error: unknown) => Promise.reject(refused(path, error));
  const head = Buffer.concat(await parts.catch(refuse));
  const text = head.toString('latin1');
  if (text.startsWith('PAR1')) return { format: 'parquet', compression: 'uncompressed' };
  if (text.startsWith('(\xb5/\xfd')) return { format: 'auto', compression: 'zstd' };
  const gzip = text.startsWith('\x1f\x8b');
  // A byte order mark of UTF-8 says nothing.
  const content = (gzip ? gunzipHead(path, head).toString('latin1') : text).replace(/^\xef\xbb\xbf/, '');
  const unread = UNREAD.find(([sign]) => sign.test(content));
  if (unread !== undefined) throw unreadableFile(path, unread[1]);
  return {
    format: /^\s*\[/.test(content) ? 'array' : 'auto',
    compression: gzip ? 'gzip' : 'uncompressed',
  };
}

/**
 * Reads a gzip file to its end: of one that was cut off, DuckDB takes what is there for all of it.
 *
 * @throws SourceError if it is not whole, or cannot be read.
 */
export async function checkGzip(path: string): Promise<void> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    await pipeline(createReadStream(path), createGunzip(), nowhere);
  } catch (error) {
    const isDamaged = String((error as NodeJS.ErrnoException).code).startsWith('Z_');
    throw isDamaged
      ? unreadableFile(path, 'is damaged or cut off; copy or export it again')
      : refused(path, error);
  }
}
