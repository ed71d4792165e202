import type { Ledger } from './ledger.ts';
import type { Spend } from './spend.ts';

/** Where a run keeps what it must remember of its source. Everything saved is durable when the promise resolves. */
export interface State {
  /** The package's ledger; an empty one if there is none, or none that can be trusted. */
  loadLedger(packageName: string): Promise<Ledger>;
  saveLedger(packageName: string, ledger: Ledger): Promise<void>;
  loadSpend(): Promise<Spend>;
  saveSpend(spend: Spend): Promise<void>;
}
