import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/* What the servers have in common that stand for real ones: what goes wrong with any answer, and what SQL does with rows. */

/** What becomes of an answer on its way. */
export type Interruption =
  /** The connection is reset before the answer, or in the middle of it. */
  | 'reset'
  | 'broken'
  /** The answer ends in the middle as if that were all of it. */
  | 'cut'
  /** Nothing comes, ever; or half of the answer does. */
  | 'silence'
  | 'stalled'
  /** The right answer, a few bytes at a time. */
  | 'trickle';

/** The right answer, changed. */
export interface Change<T> {
  readonly change: (answer: T) => unknown;
}

/** Any answer at all. */
export interface Instead {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' };

/** Answers as a fault has it, where the right answer would be `text`. */
export async function misbehave<T>(
  fault: Interruption | Change<T> | Instead,
  text: string,
  response: ServerResponse,
): Promise<void> {
  const half = text.slice(0, text.length / 2);
  if (fault === 'silence') return;
  // By the request: a response has no socket while the one before it is not ended, although all of it has come.
  if (fault === 'reset') return void response.req.socket.resetAndDestroy();
  if (fault === 'cut') return void response.writeHead(200, JSON_TYPE).end(half);
  if (typeof fault === 'object' && 'change' in fault) {
    return void response.writeHead(200, JSON_TYPE).end(JSON.stringify(fault.change(JSON.parse(text))));
  }
  if (typeof fault === 'object') {
    const { status, body = '', headers } = fault;
    return void response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(body);
  }
  response.writeHead(200, { ...JSON_TYPE, 'content-length': Buffer.byteLength(text) });
  if (fault === 'trickle') {
    const step = Math.ceil(text.length / 32);
    for (let at = 0; at < text.length && !response.destroyed; at += step) {
      response.write(text.slice(at, at + step));
      await sleep(20);
    }
    return void response.end();
  }
  response.write(half);
  await sleep(20);
  if (fault === 'broken') response.destroy();
}

/** Sums of downloads by a text of each row, as the servers write numbers. */
export function sumsBy<T extends { readonly downloads: number }>(
  rows: readonly T[],
  keyOf: (row: T) => string,
): [key: string, sum: string][] {
  const sums = new Map<string, number>();
  for (const row of rows) {
    const key = keyOf(row);
    sums.set(key, (sums.get(key) ?? 0) + row.downloads);
  }
  return [...sums].map(([key, sum]) => [key, String(sum)]);
}

/** What a query makes of a name, by its own list in `name IN (...)`. */
export function foldedBy(sql: string, name: 'installer' | 'system') {
  const [, list = ''] = new RegExp(`\\b${name} IN \\(([^)]*)\\)`).exec(sql) ?? [];
  const known = new Set([...list.matchAll(/'([^']*)'/g)].map((match) => match[1]));
  return (value: string) => (known.has(value) ? value : '(other)');
}
