/** A list with at least one element, so that the first one is always there. */
export type NonEmpty<T> = readonly [T, ...T[]];

/** `map` that keeps the promise. */
export function mapNonEmpty<T, U>([first, ...rest]: NonEmpty<T>, to: (value: T) => U): NonEmpty<U> {
  return [to(first), ...rest.map(to)];
}
