import { compare, explain } from '@renovatebot/pep440';

/*
 * Versions of packages, by the rules of https://packaging.python.org/en/latest/specifications/version-specifiers/. The
 * library reads and compares them. Its own ranges are not used: they have `<2.0rc2` leave out 2.0rc1, and `==2.0.*` 2.
 */

/** What is known of a version; null if it is none, or has a number with more digits than the library holds exactly. */
const read = (version: string) => (/\d{16}/.test(version) ? null : explain(version));

/** For sorting, the newest first; what is no version of PEP 440 is last, by its text. */
export function byVersion(a: string, b: string): number {
  const [isA, isB] = [read(a) !== null, read(b) !== null];
  if (isA && isB) return compare(b, a);
  if (isA !== isB) return isA ? -1 : 1;
  return a < b ? -1 : 1;
}

/** Whether two texts are the same version, such as 1.0 and 1.0.0. */
export function isSameVersion(a: string, b: string): boolean {
  return a === b || (read(a) !== null && read(b) !== null && compare(a, b) === 0);
}

/** The major series of a version as `--of` takes it, such as `2.*` or `1!2.*`; undefined if it is no version. */
export function seriesOf(version: string): string | undefined {
  const known = read(version);
  if (known === null) return undefined;
  return `${known.epoch === 0 ? '' : `${known.epoch}!`}${known.release[0]}.*`;
}

type Explained = NonNullable<ReturnType<typeof read>>;

const hasPrefix = ({ epoch, release }: Explained, bound: Explained, length: number) =>
  epoch === bound.epoch &&
  bound.release.slice(0, length).every((number, index) => number === (release[index] ?? 0));

/** One clause of a set, as a test of a version; a version alone is `==`. Undefined if it is none. */
function clauseOf(text: string) {
  const [, sign = '', bound = '', star] = /^(~=|[=!<>]=|[<>]|)\s*([^\s*]+?)(\.\*)?$/.exec(text.trim()) ?? [];
  const known = read(bound);
  if (known === null) return undefined;
  const isEquality = ['', '==', '!='].includes(sign);
  if (known.local !== null && (star !== undefined || !isEquality)) return undefined;
  if (star !== undefined && (!isEquality || known.public !== known.base_version)) return undefined;
  if (sign === '~=' && known.release.length < 2) return undefined;
  // Of a post-release only its development releases are prereleases.
  const isPreOfBound = ({ is_prerelease, base_version, public: whole }: Explained) =>
    is_prerelease &&
    compare(known.is_postrelease ? whole.replace(/\.dev.*/, '') : base_version, known.public) === 0;
  const equals = (own: Explained, order: number) =>
    star === undefined ? order === 0 : hasPrefix(own, known, known.release.length);
  const tests: Record<string, typeof equals> = {
    '!=': (own, order) => !equals(own, order),
    '<=': (_, order) => order <= 0,
    '>=': (_, order) => order >= 0,
    '~=': (own, order) => order >= 0 && hasPrefix(own, known, known.release.length - 1),
    // `<2` leaves out 2.0rc1, and `>2` leaves out 2.0.post1.
    '<': (own, order) => order < 0 && !isPreOfBound(own),
    '>': (own, order) => order > 0 && compare(own.public.replace(/\.post.*/, ''), known.public) !== 0,
  };
  const test = tests[sign] ?? equals;
  return (version: string) => {
    const own = read(version);
    // A local version is the same as its public one, unless a local one is asked for.
    return own !== null && test(own, compare(known.local === null ? own.public : version, bound));
  };
}

/**
 * A set of version specifiers as a test, such as `>=1.4,<2`. A version without an operator stands for itself, and `2.*` for
 * `==2.*`. Prereleases are in it: they are downloads like others.
 *
 * @returns undefined if the text is none.
 */
export function versionTest(text: string): ((version: string) => boolean) | undefined {
  const clauses = text.split(',').map(clauseOf);
  if (clauses.some((clause) => clause === undefined)) return undefined;
  return (version) => clauses.every((clause) => clause?.(version));
}
