import type { Day } from '../../src/days/day.ts';
import { OperatorError } from '../../src/errors/error.ts';
import { daysRead, EMPTY_LEDGER, type LedgerDay, replaceDays } from '../../src/state/ledger.ts';
import type { Ledgers } from '../../src/state/ledgers.ts';
import { parseLedger, serializeLedger } from '../../src/state/ledgers.ts';
import { EMPTY_SPEND, parseSpend, type SpendFile, serializeSpend } from '../../src/state/spend.ts';

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
  const waiting = new Map<string, Map<Day, LedgerDay>>();
  const ledgers: Ledgers = {
    async load(name) {
      const text = texts.get(name);
      const saved = text === undefined ? EMPTY_LEDGER : parseLedger(text, { source, package: name });
      const more = waiting.get(name);
      const ledger = more === undefined ? saved : replaceDays(saved, more);
      return { ledger, saved };
    },
    async append(span, rows, partitionRowsOf, unknownDays) {
      for (const [name, own] of rows) {
        const days = daysRead(span, own, partitionRowsOf, unknownDays?.get(name));
        waiting.set(name, new Map([...(waiting.get(name) ?? []), ...days]));
      }
    },
    async recover() {
      for (const name of [...waiting.keys()]) {
        try {
          await ledgers.save(name, (await ledgers.load(name)).ledger);
        } catch (error) {
          if (!(error instanceof OperatorError) || error.affectsAll) throw error;
        }
      }
    },
    async save(name, ledger) {
      waiting.delete(name);
      texts.set(name, serializeLedger(ledger, { source, package: name }));
    },
    assertRoom: async () => undefined,
  };
  const spend: SpendFile = {
    async load() {
      const text = spends.at(-1);
      return text === undefined ? EMPTY_SPEND : parseSpend(text);
    },
    note: async ({ packages: _, ...money }) => void spends.push(serializeSpend(money)),
    save: async (spend) => void spends.push(serializeSpend(spend)),
  };
  return { ledgers, spend, texts, spends };
}
