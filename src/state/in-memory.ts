import { EMPTY_SPEND, type Spend } from './bills.ts';
import { EMPTY_LEDGER, type Ledger, withDays } from './ledger.ts';
import type { Ledgers } from './ledgers.ts';
import type { SpendFile } from './spend.ts';

/** Ledgers for a run that leaves nothing behind. */
export function ledgersInMemory(): Ledgers {
  const kept = new Map<string, Ledger>();
  const of = (name: string) => kept.get(name) ?? EMPTY_LEDGER;
  return {
    load: async (name) => ({ ledger: of(name), saved: of(name) }),
    save: async (name, ledger) => {
      kept.set(name, ledger);
    },
    hold: async (span, rows, partitionRowsOf, unknownDays) => {
      for (const [name, own] of rows) {
        kept.set(name, withDays(of(name), span, own, partitionRowsOf, unknownDays?.get(name)));
      }
    },
    tidy: async () => undefined,
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
