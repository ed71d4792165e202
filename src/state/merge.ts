import { type Day, parseDay, spanDays } from '../days/day.ts';
import { objectOf, sum } from '../util.ts';
import { EMPTY_LEDGER, type OldDays, spansOf } from './ledger.ts';
import { type LedgerIdentity, parseLedger, serializeLedger } from './ledgers.ts';
import { EMPTY_SPEND, parseSpend, type Spend, serializeSpend, withPendingBilled } from './spend.ts';
import { assert, parseJson, readable } from './state-file.ts';

/*
 * What two runs made of the same state, each without knowing of the other: the GitHub Action keeps the state in
 * a branch, where the lock of a folder does not reach.
 */

/** Texts of one file: as both runs found it (undefined: it was not there), and as each left it. */
export interface Versions {
  readonly base: string | undefined;
  readonly ours: string;
  readonly theirs: string;
}

function identityOf(text: string): LedgerIdentity {
  const value = parseJson(text);
  const { source, package: name } = objectOf(value);
  assert(typeof source === 'string' && typeof name === 'string', 'it is not a ledger');
  return { source, package: name };
}

function later(one: Day | null, other: Day | null): Day | null {
  return one === null || (other !== null && parseDay(other) !== undefined && other > one) ? other : one;
}

/** The sums of more old days: sums cannot be merged, as they do not tell what each day had. */
function richer(one: readonly OldDays[], other: readonly OldDays[]): readonly OldDays[] {
  const known = (old: readonly OldDays[]) => sum(spansOf(old), spanDays);
  return known(other) > known(one) ? other : one;
}

/**
 * A ledger with the days of both runs, so that neither's are paid for again. Of a day that both have, the one
 * that was read anew counts; if both were, ours.
 *
 * @returns The text of the file. If one of the two is not sound, or about something else, it is the other.
 */
export function mergeLedgers({ base, ours, theirs }: Versions): string {
  const identity = readable(ours, identityOf);
  if (identity === undefined) return theirs;
  const parse = (text: string) => parseLedger(text, identity);
  const [own, other] = [readable(ours, parse), readable(theirs, parse)];
  if (own === undefined) return theirs;
  if (other === undefined) return ours;
  const before = (readable(base, parse) ?? EMPTY_LEDGER).days;
  const days = new Map(other.days);
  for (const [day, mine] of own.days) {
    const unchanged = JSON.stringify(before.get(day)) === JSON.stringify(mine);
    if (!days.has(day) || !unchanged) days.set(day, mine);
  }
  const merged = {
    old: richer(own.old, other.old),
    wholeRead: later(own.wholeRead, other.wholeRead),
    days,
  };
  return serializeLedger(merged, identity);
}

type Three<T> = readonly [base: T, ours: T, theirs: T];

/** What both spent on top of what there was. */
function addUp<T extends object>(three: Three<T | undefined>): T {
  const sums = Object.keys(Object.assign({}, ...three)).map((key) => {
    const [base, ours, theirs] = three.map(
      (each) => (each as Record<string, number> | undefined)?.[key] ?? 0,
    ) as [number, number, number];
    // A run that forgets an old month has spent nothing less.
    return [key, base + Math.max(0, ours - base) + Math.max(0, theirs - base)];
  });
  return Object.fromEntries(sums);
}

function mergeMaps<T>(
  [base, ours, theirs]: Three<ReadonlyMap<string, T> | undefined>,
  merge: (values: Three<T | undefined>) => T,
): Map<string, T> {
  // A key that is in neither of the results was forgotten on purpose.
  const keys = new Set([...(ours?.keys() ?? []), ...(theirs?.keys() ?? [])]);
  return new Map([...keys].map((key) => [key, merge([base?.get(key), ours?.get(key), theirs?.get(key)])]));
}

/**
 * The account of money of both runs: nothing that either was billed is lost, and nothing is counted twice.
 *
 * @returns The text of spend.json. If one of the two is not sound, it is the other.
 */
export function mergeSpend({ base, ours, theirs }: Versions): string {
  const [own, other] = [readable(ours, parseSpend), readable(theirs, parseSpend)];
  if (own === undefined) return theirs;
  if (other === undefined) return ours;
  // What a killed run had under way is counted as billed by the first run after it, so by both of these.
  const all = [readable(base, parseSpend) ?? EMPTY_SPEND, own, other].map(withPendingBilled);
  const each = <K extends keyof Spend>(key: K) =>
    all.map((spend) => spend[key]) as unknown as Three<Spend[K]>;
  return serializeSpend({
    months: mergeMaps(each('months'), addUp),
    pending: new Map(),
    packages: mergeMaps(each('packages'), (usages) => mergeMaps(usages, addUp)),
    shared: mergeMaps(each('shared'), addUp),
    ages: mergeMaps(each('ages'), addUp),
  });
}
