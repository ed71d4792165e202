import { type Day, parseDay, spanDays } from '../days/day.ts';
import {
  type Bill,
  type Bills,
  EMPTY_BILL,
  EMPTY_MONTH,
  EMPTY_SPEND,
  type Spend,
  withPendingBilled,
} from './bills.ts';
import { FileRejected, isRecord, parseJson } from './checks.ts';
import { EMPTY_LEDGER, type LedgerIdentity, parseLedger, serializeLedger } from './ledger.ts';
import type { OldDays } from './old-days.ts';
import { parseSpend, serializeSpend } from './spend.ts';

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

/** The text as a value, or undefined where it is not sound. */
function readable<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof FileRejected) return undefined;
    throw error;
  }
}

function identityOf(text: string): LedgerIdentity {
  const value = parseJson(text);
  const { source, package: name } = isRecord(value) ? value : {};
  if (typeof source === 'string' && typeof name === 'string') return { source, package: name };
  throw new FileRejected('it is not a ledger');
}

function later(one: Day | null, other: Day | null): Day | null {
  return one === null || (other !== null && parseDay(other) !== undefined && other > one) ? other : one;
}

/** The sum of more old days: sums cannot be merged, as they do not tell what each day had. */
function richer(one: OldDays | undefined, other: OldDays | undefined): OldDays | undefined {
  const known = (old: OldDays | undefined) =>
    (old?.spans ?? []).reduce((days, span) => days + spanDays(span), 0);
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
  const days = new Map([...other.days]);
  for (const [day, mine] of own.days) {
    const unchanged = JSON.stringify(before.get(day)) === JSON.stringify(mine);
    if (!days.has(day) || !unchanged) days.set(day, mine);
  }
  const old = richer(own.old, other.old);
  const wholeRead = later(own.wholeRead, other.wholeRead);
  return serializeLedger({ wholeRead, ...(old === undefined ? {} : { old }), days }, identity);
}

/** What both spent on top of what there was. */
function addUp<T extends { readonly [K in keyof T]: number }>(
  empty: T,
  [base, ours, theirs]: readonly [T | undefined, T | undefined, T | undefined],
): T {
  // A run that forgets an old month has spent nothing less.
  const spent = (now: T | undefined, key: keyof T) => Math.max(0, (now?.[key] ?? 0) - (base?.[key] ?? 0));
  const sums = (Object.keys(empty) as (keyof T)[]).map((key) => [
    key,
    (base?.[key] ?? 0) + spent(ours, key) + spent(theirs, key),
  ]);
  return Object.fromEntries(sums) as T;
}

type Three<T> = readonly [base: T, ours: T, theirs: T];

function mergeMaps<T>(
  maps: Three<ReadonlyMap<string, T>>,
  merge: (values: Three<T | undefined>) => T,
): Map<string, T> {
  const [base, ours, theirs] = maps;
  // A key that is in neither of the results was forgotten on purpose.
  const keys = new Set([...ours.keys(), ...theirs.keys()]);
  return new Map([...keys].map((key) => [key, merge([base.get(key), ours.get(key), theirs.get(key)])]));
}

const NO_BILLS: Bills = new Map();

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
  const all: Three<Spend> = [
    withPendingBilled(readable(base, parseSpend) ?? EMPTY_SPEND),
    withPendingBilled(own),
    withPendingBilled(other),
  ];
  const each = <T>(part: (spend: Spend) => T): Three<T> => [part(all[0]), part(all[1]), part(all[2])];
  const bill = (values: Three<Bill | undefined>) =>
    addUp(
      values.some((value) => value?.bytesEstimated !== undefined)
        ? { ...EMPTY_BILL, bytesEstimated: 0 }
        : EMPTY_BILL,
      values,
    );
  return serializeSpend({
    months: mergeMaps(
      each(({ months }) => months),
      (values) => addUp(EMPTY_MONTH, values),
    ),
    pending: new Map(),
    packages: mergeMaps(
      each(({ packages }) => packages),
      ([before = NO_BILLS, mine = NO_BILLS, its = NO_BILLS]) => mergeMaps([before, mine, its], bill),
    ),
    shared: mergeMaps(
      each(({ shared }) => shared),
      bill,
    ),
    ages: mergeMaps(
      each(({ ages }) => ages),
      bill,
    ),
  });
}
