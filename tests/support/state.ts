import { EMPTY_LEDGER, parseLedger, serializeLedger } from '../../src/state/ledger.ts';
import { EMPTY_SPEND, parseSpend, serializeSpend } from '../../src/state/spend.ts';
import type { State } from '../../src/state/state.ts';

/** State as texts in memory: every ledger and spend goes through the format of its file. */
export interface MemoryState extends State {
  readonly ledgers: Map<string, string>;
  /** Every text of spend.json that was ever saved, oldest first. */
  readonly spends: string[];
}

export function createState(source = 'test'): MemoryState {
  const ledgers = new Map<string, string>();
  const spends: string[] = [];
  return {
    ledgers,
    spends,
    async loadLedger(name) {
      const text = ledgers.get(name);
      return text === undefined ? EMPTY_LEDGER : parseLedger(text, { source, package: name });
    },
    async saveLedger(name, ledger) {
      ledgers.set(name, serializeLedger(ledger, { source, package: name }));
    },
    async loadSpend() {
      const text = spends.at(-1);
      return text === undefined ? EMPTY_SPEND : (parseSpend(text) ?? EMPTY_SPEND);
    },
    async saveSpend(spend) {
      spends.push(serializeSpend(spend));
    },
  };
}
