import { Fault } from '../fault.ts';
import type { HttpAnswer } from '../http.ts';
import { isObject, type JsonObject, type RawRow } from '../rows.ts';
import { exceptionFault, SERVER, statusFault } from './fault.ts';

/** The columns that an answer must have, in order: which ClickHouse types will do, and the usual one. */
export type Columns = Readonly<Record<string, { readonly type: RegExp; readonly expected: string }>>;

/** What follows "Code: 158. DB::Exception: " is for people; the number is what counts. */
const EXCEPTION = /Code: (\d+)\. DB::Exception: ([^\n]*)/;

/** The first words of an answer that is none, for the person who has to find out who answered. */
function described({ status, headers, body }: HttpAnswer): string {
  const type = headers.get('content-type') ?? 'no content type';
  const title = /<title>([^<]*)<\/title>/i.exec(body)?.[1]?.trim();
  return `it answered ${status} with ${type}${title ? `, titled ${title}` : ''}`;
}

const cut = (what: string) => new Fault('connection-broken', what, SERVER);

/**
 * Reads an answer in the format JSONCompact. Of all formats it tells most about itself: names and types of
 * the columns in front, the number of rows at the end, and no part of it is valid alone.
 *
 * @param isPublicTable Whether the table is ClickPy's own, which is known to be there.
 * @throws Fault if it is an error, is cut short, is something else, or has other columns.
 */
export function readAnswer(answer: HttpAnswer, columns: Columns, isPublicTable: boolean): RawRow[] {
  const { status, headers, body } = answer;
  const throwIfException = (text: string, inHeader?: string | null) => {
    const [, number = inHeader, said = text] = EXCEPTION.exec(text) ?? [];
    if (number) throw exceptionFault(answer, Number(number), said, isPublicTable);
  };
  const code = headers.get('x-clickhouse-exception-code');
  if (status < 200 || status > 299 || code !== null) {
    throwIfException(body, code);
    throw statusFault(answer, described(answer));
  }
  const { meta, data, rows } = parse(answer, throwIfException);
  const names = Object.keys(columns);
  checkColumns(meta, columns);
  const whole =
    Array.isArray(data) &&
    data.length === rows &&
    data.every((row: unknown) => Array.isArray(row) && row.length === names.length);
  if (!whole) throw cut(`it holds other rows than the ${rows} told`);
  return data.map((row: readonly unknown[]) =>
    Object.fromEntries(names.map((name, index) => [name, row[index]])),
  );
}

function parse(
  answer: HttpAnswer,
  throwIfException: (text: string) => void,
): JsonObject & { meta: unknown[] } {
  const { body, status } = answer;
  const foreign = () => new Fault('not-the-source', described(answer), SERVER, { status });
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // An exception in mid-stream: the status was sent long ago, and the text stands where rows should.
    throwIfException(body);
    if (body === '' || /^\s*\{\s*"(meta|$)/.test(body)) {
      throw cut(`the answer ends after ${body.length} characters`);
    }
    throw foreign();
  }
  if (!isObject(value)) throw foreign();
  // With http_write_exception_in_output_format, the exception is a part of the JSON.
  const { exception, meta } = value;
  if (typeof exception === 'string') throwIfException(exception);
  if (exception !== undefined) throw cut('the answer ends with an exception');
  if (!Array.isArray(meta)) throw foreign();
  return { ...value, meta };
}

/** A word of a server's; no other value becomes one. */
const word = (value: unknown) => (typeof value === 'string' ? value : '?');

function checkColumns(meta: readonly unknown[], columns: Columns): void {
  const found = meta.map((column) => (isObject(column) ? column : {}));
  const expected = Object.entries(columns);
  const fits = expected.every(
    ([name, { type }], index) => found[index]?.['name'] === name && type.test(word(found[index]?.['type'])),
  );
  if (fits && found.length === expected.length) return;
  const names = found.map((column) => `${word(column['name'])} ${word(column['type'])}`).join(', ');
  const wanted = expected.map(([name, column]) => `${name} ${column.expected}`).join(', ');
  throw new Fault('unexpected-answer', `${names} instead of ${wanted}`, SERVER, {
    variants: ['columns'],
    affectsAll: true,
  });
}
