/** The environment's variables, as they are handed down from cli.ts. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Milliseconds of a UTC day. */
export const MS_PER_DAY = 86_400_000;

/** Bytes in a MiB and its like. */
export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;
export const TIB = 1024 ** 4;

/** A list with at least one element, so that the first one is always there. */
export type NonEmpty<T> = readonly [T, ...T[]];

export function isNonEmpty<T>(list: readonly T[]): list is NonEmpty<T> {
  return list.length > 0;
}

/** `map` that keeps the promise. */
export function mapNonEmpty<T, U>([first, ...rest]: NonEmpty<T>, to: (value: T) => U): NonEmpty<U> {
  return [to(first), ...rest.map(to)];
}

/** A list in parts of at most so many values, or so much by the sizes of these; a value that is larger is a part by itself. */
export function partsOf<T>(
  list: readonly T[],
  most: number,
  sizeOf: (value: T) => number = () => 1,
): NonEmpty<T>[] {
  const parts: [T, ...T[]][] = [];
  let room = 0;
  for (const value of list) {
    const last = parts.at(-1);
    room -= sizeOf(value);
    if (last !== undefined && room >= 0) last.push(value);
    else {
      parts.push([value]);
      room = most - sizeOf(value);
    }
  }
  return parts;
}

/** An object with a value for each key. */
export function recordOf<K extends string, V>(keys: readonly K[], of: (key: K) => V): Record<K, V> {
  return Object.fromEntries(keys.map((key) => [key, of(key)])) as Record<K, V>;
}

/** Adds a value to the list that a map has under a key. */
export function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/**
 * The same function, which remembers: for what a run asks again for each package.
 *
 * @param max How many results are kept; when there are as many, all are forgotten. None is undefined.
 */
export function memoize<T extends string | number, R extends object | string | number>(
  max: number,
  make: (value: T) => R,
): (value: T) => R {
  const made = new Map<T, R>();
  return (value) => {
    let result = made.get(value);
    if (result === undefined) {
      result = make(value);
      if (made.size >= max) made.clear();
      made.set(value, result);
    }
    return result;
  };
}

/** Waits for `work`, but not once `signal` is given: it then rejects with the signal's reason. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** An object out of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is read of a value out of JSON that nobody has checked: what is not there is undefined, and what is there may be anything. */
export interface Loose {
  readonly [key: string]: Loose | undefined;
}

/** A value that should be an object; without any of its fields where it is none. */
export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** Least that BigQuery bills for a query (https://cloud.google.com/bigquery/pricing#on_demand_pricing). */
export const MINIMUM_BILLED = 10 * MIB;

/** What BigQuery bills for reading so many bytes: rounded up to a whole MiB, and at least the minimum. */
export function roundedBill(bytes: number): number {
  return Math.max(MINIMUM_BILLED, Math.ceil(bytes / MIB) * MIB);
}

/** What answering a question took. */
export interface QueryCost {
  readonly bytesProcessed: number;
  /** What the bill says: rounded up by BigQuery, and 0 for a cached answer. */
  readonly bytesBilled: number;
  readonly cacheHit: boolean;
}

export const NO_COST: QueryCost = { bytesProcessed: 0, bytesBilled: 0, cacheHit: false };

/** Two costs together; what the second says of the cache is what counts. */
export function addCost(a: QueryCost, b: QueryCost): QueryCost {
  return {
    bytesProcessed: a.bytesProcessed + b.bytesProcessed,
    bytesBilled: a.bytesBilled + b.bytesBilled,
    cacheHit: b.cacheHit,
  };
}

/** The sum of what values come to. */
export function sum<T>(values: Iterable<T>, of: (value: T) => number): number {
  let total = 0;
  for (const value of values) total += of(value);
  return total;
}

/** The value in the middle; the mean of the two there of an even number, and 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** For sorting names with their counts: the greatest first, and by name where they are equal, on every source alike. */
export function byCount([a, ofA]: readonly [string, number], [b, ofB]: readonly [string, number]): number {
  return ofB - ofA || (a < b ? -1 : 1);
}

/** A text as a value of JSON; undefined if it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value as JSON for people and programs: indented, with a final newline. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/*
 * Keys of JSON files are written with underscores, and those of objects in camel case. Keys that are data, such as names of
 * installers and systems, have neither a capital behind a small letter nor an underscore, and stay.
 */

/** A value of plain objects and lists with the keys of a JSON file, all the way down; what is undefined is left out. */
export function snakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries.map(([key, item]) => [snake(key), snakeKeys(item)]));
}

const snake = (key: string) => key.replaceAll(/(?<=[a-z])[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);

type Camel<K> = K extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : K;

/** The keys of T in camelCase instead of snake_case. */
export type CamelKeys<T> = { readonly [K in keyof T as Camel<K>]: Exclude<T[K], undefined> };

/** An object of a file with its own keys, not those of what is in it, in camel case; any other value as it is. */
export function camelKeys<T>(value: T): CamelKeys<T> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value as CamelKeys<T>;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      item,
    ]),
  ) as CamelKeys<T>;
}

/** An object of whose keys those with an undefined value are absent. */
type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The same object without the keys that are undefined. */
export function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>;
}
