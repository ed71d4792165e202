import { EMPTY_SPEND } from '../../src/state/bills.ts';
import { EMPTY_LEDGER, type Ledgers, parseLedger, serializeLedger } from '../../src/state/ledger.ts';
import { parseSpend, type SpendFile, serializeMoney, serializeSpend } from '../../src/state/spend.ts';

/** State as texts in memory: every ledger and spend goes through the format of its file. */
export interface MemoryState {
  readonly ledgers: Ledgers;
  readonly spend: SpendFile;
  /** Text of each ledger, by package. */
  readonly texts: Map<string, string>;
  /** Every text of spend.json that was ever saved, oldest first. */
  readonly spends: string[];
}

export function createState(source = 'test'): MemoryState {
  const texts = new Map<string, string>();
  const spends: string[] = [];
  const ledgers: Ledgers = {
    async load(name) {
      const text = texts.get(name);
      return text === undefined
        ? { ledger: EMPTY_LEDGER, bills: undefined }
        : parseLedger(text, { source, package: name });
    },
    async save(name, ledger) {
      texts.set(
        name,
        serializeLedger(ledger, { source, package: name }, (text) => text),
      );
    },
    demandRoom: async () => undefined,
  };
  const spend: SpendFile = {
    async load() {
      const text = spends.at(-1);
      return text === undefined ? EMPTY_SPEND : parseSpend(text);
    },
    async note(state) {
      spends.push(serializeMoney(state));
    },
    async save(state) {
      spends.push(serializeSpend(state));
    },
    backUp: async () => undefined,
  };
  return { ledgers, spend, texts, spends };
}
