type Camel<K> = K extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : K;

/** The keys of T in camelCase instead of snake_case. */
export type CamelKeys<T> = { readonly [K in keyof T as Camel<K>]: Exclude<T[K], undefined> };

/** A copy with keys in camelCase instead of snake_case; values stay as they are. */
export function camelKeys<T extends object>(value: T): CamelKeys<T> {
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      each,
    ]),
  ) as CamelKeys<T>;
}
