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
