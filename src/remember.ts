/**
 * The same function, which remembers: for what a run asks again for each package.
 *
 * @param max How many results are kept; when there are as many, all are forgotten. None is undefined.
 */
export function remember<T, R extends object | string | number>(
  max: number,
  keyOf: (value: T) => string | number,
  make: (value: T) => R,
): (value: T) => R {
  const made = new Map<string | number, R>();
  return (value) => {
    const key = keyOf(value);
    let result = made.get(key);
    if (result === undefined) {
      result = make(value);
      if (made.size >= max) made.clear();
      made.set(key, result);
    }
    return result;
  };
}
