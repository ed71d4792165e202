#!/usr/bin/env node
/*
 * Do the tests notice a wrong rule? Makes one small fault after another in a copy of the code and runs the tests that
 * should fail by it. Prints which faults were caught; exit 1 if fewer than WANTED were, or a fault's text is not found.
 *
 * node scripts/mutations.mjs [words]: only the faults whose file or text has these words.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

const WANTED = 36;

/**
 * What is replaced by what, and the tests that should fail: filters of vitest, such as a folder. The text stands once in
 * src/ and action/, in whatever file, so that a file may be moved without a change here.
 *
 * @type {readonly (readonly [text: string, replacement: string, tests: string])[]}
 */
const MUTATIONS = [
  // The metric.
  ["if (ci === true) return 'ci';", "if (ci !== false) return 'ci';", 'tests/metric'],
  ["category !== 'sidecar' && isSystem(system)", 'isSystem(system)', 'tests/metric'],
  ['total + excluded[reason], count);', 'total + excluded[reason], 0);', 'tests/metric'],
  ['days.length < all.length * KNOWN_SHARE', 'days.length <= all.length * KNOWN_SHARE', 'tests/metric/trend'],
  ['Math.min(now, then) < JUMP_DOWNLOADS_MIN', 'Math.max(now, then) < JUMP_DOWNLOADS_MIN', 'tests/metric'],
  ['known.has(name) ? name : OTHER_NAME', 'name', 'tests/metric/breakdown tests/sources/rows'],

  // Days, and what the table has of them.
  ['share < PARTIAL_SHARE ?', 'share <= PARTIAL_SHARE ?', 'tests/days'],
  [' && !partial.has(each)', '', 'tests/days'],
  [' && least >= LEVEL_ALIKE * shareOf(other)', '', 'tests/days'],
  ['.filter((each) => each >= level.start)', '', 'tests/days'],
  ['day < ERAS.ci || ', '', 'tests/commands/days'],
  ['count > TIMES * usual', 'count >= TIMES * usual', 'tests/metric/spikes'],
  [' && day.day >= end', '', 'tests/metric/spikes'],
  [' && sum(spikes, countOf) > sum(days, countOf) * SUM_SHARE', '', 'tests/metric/spikes'],
  [
    'dayNumber(newest) - dayNumber(lastDay) > LATE_DAYS_MAX',
    'dayNumber(newest) - dayNumber(lastDay) >= LATE_DAYS_MAX',
    'tests/days',
  ],
  ["(complete ?? '') < published ? published : complete", 'false ? published : complete', 'tests/days'],
  [
    'daysBehind(countedTo, today) > thresholdDays',
    'daysBehind(countedTo, today) >= thresholdDays',
    'tests/days',
  ],

  // What is asked, and what is accepted as an answer.
  ['\n    AND timestamp < ', '\n    AND timestamp <= ', 'tests/sources/duckdb/source'],
  ['spanDays(span) * packages.length + 1', 'spanDays(span) * packages.length', 'tests/sources/sql'],
  ["  read_overflow_mode: 'throw'", "  read_overflow_mode: 'break'", 'tests/sources/clickhouse/source'],
  ['rows.length >= limit', 'rows.length > limit', 'tests/sources/rows'],
  ['groups.add(group);', '', 'tests/sources/rows'],
  ['&& Number.isSafeInteger(number)', '&& Number.isInteger(number)', 'tests/sources/rows'],

  // Faults: what may pass, and what may have been billed.
  ['&& maybeSent === true', '&& maybeSent !== true', 'tests/sources/bigquery/source'],
  [
    'maybeSent: !/^(unreachable',
    'maybeSent: /^(unreachable',
    'tests/sources/bigquery/source tests/sources/faults',
  ],
  ['maybeSent: status >= 500', 'maybeSent: status > 500', 'tests/sources/faults'],
  ['retryAfterMs <= longestPauseMs', 'retryAfterMs < longestPauseMs * 1_000', 'tests/sources/http'],
  ['await sleep(retryAfterMs,', 'await sleep(0,', 'tests/sources/http'],
  ["'rate-limited': fault(PASSES", "'rate-limited': fault({}", 'tests/docs'],
  ["'api-disabled': fault(ALL", "'api-disabled': fault({}", 'tests/docs'],

  // The reader.
  ['mayPass && failedAlone > 1', 'mayPass && failedAlone > 2', 'tests/collect/reader tests/commands/days'],
  ['if (answer.rows.size > 0) failedAlone = 0;', '', 'tests/collect/reader tests/commands/days'],
  ['cost?.bytesBilled ?? expected', 'cost?.bytesBilled ?? 0', 'tests/state/spend tests/collect/reader'],

  // The ledger, money, the lock, the disk.
  [
    "assert(value['checksum'] === checksum(summed(old, lines)), 'it was altered');",
    '',
    'tests/state/ledger.test',
  ],
  ["(wholeRead ?? '') > today ? null : wholeRead", 'wholeRead', 'tests/state/ledger.test'],
  ['if (!isOld(old, entry[0])) append(', 'append(', 'tests/state/ledger.test'],
  ['committed + bytes <= budgetBytes', 'committed + bytes < budgetBytes', 'tests/state/spend'],
  ['filter((query) => query.month === month)', 'filter(() => true)', 'tests/state/spend'],
  [
    'if (found === inode) return;',
    'if (found !== undefined) return;',
    'tests/state/lock tests/commands/interrupt',
  ],
  ["if (path.endsWith('.json')) JSON.parse(content);", '', 'tests/disk'],

  // What is published.
  ['count * 10n + size / 2n', 'count * 10n', 'tests/format'],
  ['count >= from', 'count > from', 'tests/badges/endpoint'],
  ['run[kind].get(name) ?? previous', 'run[kind].get(name) ?? undefined', 'tests/publish/health.test'],
  ['(figure === null) === (count[index] === null)', 'true', 'tests/publish/history'],
  ["text.replaceAll('\"', '\"\"')", 'text', 'tests/commands/export'],

  // What is refused, and what GitHub's runner is to print.
  ['writtenName.transform(normalizePackageName)', 'writtenName', 'tests/config/refusals'],
  [
    "replaceAll(/^([\\s\\x85]*)::/gm, '$1 | ::')",
    "replaceAll(/^()::/gm, '$1 | ::')",
    'tests/action/messages',
  ],
];

const LEFT_BEHIND = /\/(node_modules|\.git|coverage)$/;

/** A copy of the code to make faults in. */
function copyTree() {
  const copy = mkdtempSync(join(tmpdir(), 'pypi-badges-mutations-'));
  cpSync(process.cwd(), copy, { recursive: true, filter: (path) => !LEFT_BEHIND.test(path) });
  symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

const sources = ['src', 'action'].flatMap((folder) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => /\.m?[jt]s$/.test(name))
    .map((name) => ({ file: join(folder, name), code: readFileSync(join(folder, name), 'utf8') })),
);

/** The file that has the text, once; undefined if none or several have. */
function find(text) {
  const [found, ...others] = sources.filter(({ code }) => code.includes(text));
  return others.length === 0 && found?.code.split(text).length === 2 ? found : undefined;
}

/** What tests print in a copy where one fails; undefined where they pass. */
async function failure(copy, tests) {
  const { exitCode, all } = await execa(
    'node_modules/.bin/vitest',
    [
      'run',
      '--project',
      'unit',
      '--project',
      'mocks',
      '--bail=1',
      '--reporter=dot',
      '--passWithNoTests',
      ...tests,
    ],
    { cwd: copy, reject: false, all: true },
  );
  return exitCode === 0 ? undefined : all;
}

const mutations = MUTATIONS.map(([text, replacement, tests]) => ({
  text,
  replacement,
  tests,
  found: find(text),
})).filter(({ text, found }) => `${found?.file} ${text}`.includes(process.argv[2] ?? ''));
if (mutations.length === 0) throw new Error(`no fault has ${process.argv[2]}`);
const copy = copyTree();
let caught = 0;
let lost = 0;
try {
  const all = new Set(mutations.flatMap(({ tests }) => tests.split(' ')));
  const asItIs = await failure(copy, [...all]);
  if (asItIs !== undefined) throw new Error(`these tests fail without a fault:\n${asItIs}`);
  for (const { text, replacement, tests, found } of mutations) {
    let verdict = 'NOT FOUND';
    if (found !== undefined) {
      const path = join(copy, found.file);
      writeFileSync(
        path,
        found.code.replace(text, () => replacement),
      );
      verdict = (await failure(copy, tests.split(' '))) === undefined ? 'SURVIVED ' : 'caught   ';
      writeFileSync(path, found.code);
    }
    caught += verdict === 'caught   ' ? 1 : 0;
    lost += found === undefined ? 1 : 0;
    process.stdout.write(`${verdict} ${found?.file ?? ''}: ${text.replaceAll(/\s+/g, ' ')}\n`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.stdout.write(`${caught} of ${mutations.length} caught\n`);
const wanted = Math.min(WANTED, mutations.length);
process.exitCode = caught >= wanted && lost === 0 ? 0 : 1;
