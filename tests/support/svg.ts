type Point = [x: number, y: number];

/** The corners of a path of M, V and the small forms of h, v and l, in its own units. */
export function cornersOf(d: string): Point[] {
  const corners: Point[] = [];
  let [x, y] = [0, 0];
  for (const [, letter = '', rest = ''] of d.matchAll(/([MVhl])([^A-Za-z]*)/g)) {
    const numbers = (rest.match(/-?(?:\d+\.?\d*|\.\d+)/g) ?? []).map(Number);
    for (let at = 0; at < numbers.length; at += letter === 'M' || letter === 'l' ? 2 : 1) {
      const [one = 0, two = 0] = numbers.slice(at);
      if (letter === 'M') [x, y] = [one, two];
      else if (letter === 'V') y = one;
      else if (letter === 'h') x += one;
      else [x, y] = [x + one, y + two];
      corners.push([x, y]);
    }
  }
  return corners;
}
