/*
 * What clients have called themselves, or may: every one is a name that an installer or a system may have in PyPI's log.
 */

const HOSTILE_NAMES: readonly string[] = [
  ...'password= demo 2026-04-20 checksum schemaVersion " \\ ##[add-mask]7 ::add-mask::7'.split(' '),
  ...'__proto__ constructor toString Pip (other)'.split(' '),
  '"password": "hunter2"',
  'https://someone:hunter2@example.com/',
  '-----BEGIN PRIVATE KEY-----',
  'ya29.a0AfH6SMBx',
  'Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJtZSJ9.c2ln',
  "'; DROP TABLE x; --",
  '\u001b]0;owned\u0007\u001b[2J',
  '\u009b31m',
  'nul\u0000byte',
  'right\u202eleft',
  'line\u2028separator',
  'pip\ndemo  2026-04-20  9,999,999',
  "=cmd|' /C calc'!A0",
  '@SUM(1+1)',
  '<img src=x onerror=alert(1)>',
  ']]><script>alert(1)</script>',
  '@everyone <!channel>',
  'pip ',
  `${'Lorem ipsum dolor sit amet. '.repeat(300)}`,
  '\u{1F40D}',
  '\uffff',
];

/** Names like these with as many more of the kind `client-<n>`. */
export function crowd(count: number): string[] {
  return [...HOSTILE_NAMES, ...Array.from({ length: count }, (_, index) => `client-${index}`)];
}

/** The first of the names that stands in a text, which holds none of them by itself. */
export function hostileNameIn(text: string): string | undefined {
  const known = /^(demo|2026-04-20|checksum|schemaVersion|"|\\|constructor|toString|pip |\(other\))$/;
  return [...HOSTILE_NAMES, 'client-'].find(
    (name) => !known.test(name) && (text.includes(name) || text.includes(JSON.stringify(name).slice(1, -1))),
  );
}
