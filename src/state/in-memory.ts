import { EMPTY_SPEND, type Spend } from './bills.ts';
import { EMPTY_LEDGER, type Ledger, type Ledgers } from './ledger.ts';
import type { SpendFile } from './spend.ts';

/** Ledgers for a run that leaves nothing behind. */
export function ledgersInMemory(): Ledgers {
  const kept = new Map<string, Ledger>();
  return {
    load: async (name) => ({ ledger: kept.get(name) ?? EMPTY_LEDGER, bills: undefined }),
    save: async (name, ledger) => {
      kept.set(name, ledger);
    },
    demandRoom: async () => undefined,
  };
}

/** An account of money for a run that leaves nothing behind. */
export function spendInMemory(): SpendFile {
  let kept: Spend = EMPTY_SPEND;
  const save = async (spend: Spend) => {
    kept = spend;
  };
  return { load: async () => kept, note: save, save, backUp: async () => undefined };
}
