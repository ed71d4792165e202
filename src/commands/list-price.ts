import { TIB } from '../units.ts';

/** List price of a TiB on demand in the US, in dollars, after the first in a month. */
const DOLLARS_PER_TIB = 6.25;

/** What bytes billed within a month cost, in dollars. */
export function listPrice(bytes: number): number {
  return (Math.max(0, bytes - TIB) / TIB) * DOLLARS_PER_TIB;
}

export function formatDollars(price: number): string {
  return `$${price.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}
