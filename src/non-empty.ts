/** A list with at least one element, so that the first one is always there. */
export type NonEmpty<T> = readonly [T, ...T[]];

export function isNonEmpty<T>(list: readonly T[]): list is NonEmpty<T> {
  return list.length > 0;
}

/** `map` that keeps the promise. */
export function mapNonEmpty<T, U>([first, ...rest]: NonEmpty<T>, to: (value: T) => U): NonEmpty<U> {
  return [to(first), ...rest.map(to)];
}
