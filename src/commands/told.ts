import type { Logger } from 'pino';
import { append } from '../append.ts';
import { plural } from '../format.ts';
import type { PackageHealth } from '../publish/health.ts';

/*
 * What is alike for many packages is told once: of thousands, a cause that has kept them all would fill a journal.
 */

/** Most packages that are named, or have a line each, where the same is to be told of all; of more it is told how many. */
export const FEW = 3;

/** Packages of which the same is to be told. */
export interface Told {
  /** The packages by name, or how many they are. */
  readonly who: string;
  readonly sentence: string;
}

/** Packages by sentence, in the order of their first. */
export function bySentence(sentences: Iterable<readonly [packageName: string, sentence: string]>): Told[] {
  const namesOf = new Map<string, string[]>();
  for (const [name, sentence] of sentences) {
    append(namesOf, sentence, name);
  }
  return [...namesOf].map(([sentence, names]) => {
    const who = names.length > FEW ? plural(names.length, 'package') : names.join(', ');
    return { who, sentence };
  });
}

/** What the log is to say of one package or group. */
export interface Line {
  readonly name: string;
  readonly what: 'package' | 'group';
  readonly sentence: string;
  /** Of the line's record; the same wherever the sentence is. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps a log short: of many packages with the same sentence, the first have a line each, and the others one together. */
export interface Fold {
  tell(line: Line): void;
  /** Writes of how many packages more the same is to be told. */
  finish(): void;
}

/** @param write Is given the record's fields, who it is about, and the sentence. */
export function createFold(
  write: (fields: Readonly<Record<string, unknown>>, who: string, sentence: string) => void,
): Fold {
  const told = new Map<string, { times: number; readonly fields: Line['fields'] }>();
  return {
    tell({ name, what, sentence, fields }) {
      const before = told.get(sentence) ?? { times: 0, fields };
      if (what === 'package') {
        told.set(sentence, before);
        before.times += 1;
      }
      if (before.times <= FEW || what === 'group') write({ [what]: name, ...fields }, name, sentence);
    },
    finish() {
      for (const [sentence, { times, fields }] of told) {
        const more = times - FEW;
        if (more > 0) write({ packages: more, ...fields }, plural(more, 'more package'), sentence);
      }
      told.clear();
    },
  };
}

/** The log of what became of packages and groups. */
export interface EntryLog {
  tell(name: string, entry: PackageHealth, what?: 'package' | 'group'): void;
  /** Says what was folded, once all were told. */
  finish(): void;
}

/** @param log Has a line for each package that went well, and folds what went wrong. */
export function createEntryLog(log: Logger): EntryLog {
  const errors = createFold((fields, who, sentence) => log.error(fields, `${who}: ${sentence}`));
  const cautions = createFold((fields, who, sentence) => log.warn(fields, `${who}: ${sentence}`));
  return {
    tell(name, { failure, windows, count, query, warnings }, what = 'package') {
      if (failure !== undefined) {
        errors.tell({ name, what, sentence: failure.error, fields: { error_code: failure.code } });
        if (windows.length === 0) return;
      }
      log.info(
        {
          [what]: name,
          count,
          days_scanned: query?.daysScanned,
          bytes_processed: query?.bytesProcessed,
          bytes_billed: query?.bytesBilled,
          cache_hit: query?.cacheHit,
          duration_ms: query?.durationMs,
        },
        'collected',
      );
      for (const { code, message } of warnings) {
        cautions.tell({ name, what, sentence: message, fields: { warning: code } });
      }
    },
    finish() {
      errors.finish();
      cautions.finish();
    },
  };
}
