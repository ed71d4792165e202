import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Day } from '../../src/days/day.ts';
import { EMPTY_LEDGER, withDays } from '../../src/state/ledger.ts';
import { ledgerFolder, openLedgers } from '../../src/state/ledgers.ts';
import { tempFolder } from '../support/temp-folder.ts';

const SOURCE = 'bigquery:p.d.t';
const ledger = withDays(EMPTY_LEDGER, { start: '2026-09-01', end: '2026-09-02' }, [], () => 5);

function setUp() {
  const stateDir = join(tempFolder(), 'state');
  const warnings: string[] = [];
  const open = (source = SOURCE) => openLedgers(stateDir, source, (message) => warnings.push(message));
  const folder = join(stateDir, 'ledger', ledgerFolder(SOURCE));
  return { stateDir, warnings, open, folder, path: join(folder, 'alpha.json') };
}

describe("the folder of a source's ledgers", () => {
  it('is one for each source, table and server, whatever they are called', () => {
    const ids = [
      'bigquery:bigquery-public-data.pypi.file_downloads',
      'bigquery:bigquery-public-data.pypi.file_downloads on localhost:9050',
      'bigquery:bigquery-public-data.pypi.file_downloads on localhost/9050',
      `bigquery:${'x'.repeat(300)}`,
      `bigquery:${'x'.repeat(301)}`,
      'clickhouse:https://example.com/pypi.pypi',
    ];
    const folders = ids.map(ledgerFolder);
    expect(new Set(folders).size).toBe(ids.length);
    for (const folder of folders) expect(folder).toMatch(/^(bigquery|clickhouse)-[0-9a-f]{16}$/);
    // It must never change: paid days are kept there.
    expect(folders[0]).toBe('bigquery-928eedc94034e476');
  });
});

describe('ledgers on the disk', () => {
  it('are empty at first, and then what was saved, for the operator alone', async () => {
    const { open, path, folder, stateDir, warnings } = setUp();
    expect((await open().load('alpha')).ledger).toEqual(EMPTY_LEDGER);
    expect(existsSync(stateDir)).toBe(false);
    await open().save('alpha', ledger);
    expect((await open().load('alpha')).ledger).toEqual(ledger);
    expect(warnings).toEqual([]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect([folder, join(folder, '..'), stateDir].map((each) => statSync(each).mode & 0o777)).toEqual([
      0o700, 0o700, 0o700,
    ]);
  });

  it('that cannot be trusted are set aside under numbers, but by a command that only reads, and said so', async () => {
    const { stateDir, open, path, folder, warnings } = setUp();
    await open().save('alpha', ledger);
    writeFileSync(path, '{');
    expect((await openLedgers(stateDir, SOURCE, undefined).load('alpha')).ledger).toEqual(EMPTY_LEDGER);
    expect(readdirSync(folder)).toEqual(['alpha.json']);
    for (const content of ['{', '[]']) {
      await open().save('alpha', ledger);
      writeFileSync(path, content);
      expect((await open().load('alpha')).ledger).toEqual(EMPTY_LEDGER);
    }
    expect(readdirSync(folder).toSorted()).toEqual(['alpha.json.rejected-1', 'alpha.json.rejected-2']);
    expect(readFileSync(`${path}.rejected-1`, 'utf8')).toBe('{');
    expect(warnings[1]).toContain(`set aside as ${path}.rejected-2`);
  });

  it('say so when the disk refuses', async () => {
    const { open, path } = setUp();
    mkdirSync(path, { recursive: true });
    for (const work of [open().load('alpha'), open().save('alpha', ledger)]) {
      await expect(work).rejects.toThrow('a folder stands where a file should be');
      await expect(work).rejects.toMatchObject({ code: 'disk-obstacle', affectsAll: false });
    }
  });

  it('find out beforehand whether there is room, and leave nothing of that behind', async () => {
    const { open, folder } = setUp();
    await open().assertRoom(['alpha'], 30);
    expect(readdirSync(folder)).toEqual([]);
    await open().assertRoom(['alpha', 'beta'], 30);
    expect(readdirSync(folder, { recursive: true })).toEqual(['_answers']);
  });

  it('are rid of what a killed run has left, and of nothing else', async () => {
    const { open, folder } = setUp();
    for (const place of [folder, join(folder, '_answers')]) {
      mkdirSync(place, { recursive: true });
      for (const name of ['.alpha.json.77.tmp', '.alpha.room.77.tmp', 'notes.tmp'])
        writeFileSync(join(place, name), '');
    }
    await open().recover();
    expect(readdirSync(folder, { recursive: true }).toSorted()).toEqual([
      '_answers',
      '_answers/notes.tmp',
      'notes.tmp',
    ]);
  });
});

/** What two packages had on two days; the second day is asked for in a question of its own. */
describe('answers about several packages', () => {
  const [first, second] = [
    { start: '2026-09-01', end: '2026-09-02' },
    { start: '2026-09-02', end: '2026-09-03' },
  ];
  const names = ['alpha', 'beta'];
  const row = (day: Day, downloads: number) => {
    return { day, ci: null, installer: 'pip', system: 'Linux', sidecar: false, downloads };
  };
  const answer = (day: Day, downloads: number) =>
    new Map(names.map((name, index) => [name, [row(day, downloads + index)]]));

  async function held() {
    const tools = setUp();
    const answersFolder = join(tools.folder, '_answers');
    const ledgers = tools.open();
    await ledgers.append(first, answer(first.start, 10), () => 5);
    await ledgers.append(second, answer(second.start, 20), () => null);
    const answers = () => readdirSync(answersFolder).toSorted();
    /** The first answer's file. */
    const path = join(answersFolder, answers()[0] ?? '');
    const saveAll = async () => {
      for (const name of names) await ledgers.save(name, (await ledgers.load(name)).ledger);
    };
    return { ...tools, ledgers, answers, answersFolder, path, saveAll };
  }

  const days = (one: number, other: number) => ({ [first.start]: one, [second.start]: other });

  /** Downloads by day. */
  const downloads = async (ledgers: ReturnType<typeof openLedgers>, name: string) =>
    Object.fromEntries(
      [...(await ledgers.load(name)).ledger.days].map(([day, { rows }]) => [
        day,
        rows.reduce((sum, each) => sum + each.downloads, 0),
      ]),
    );

  it('are in the ledgers for whoever loads them, in this run and after a kill', async () => {
    const { ledgers, open, stateDir, folder } = await held();
    for (const each of [ledgers, open(), openLedgers(stateDir, SOURCE, undefined)]) {
      expect(await downloads(each, 'alpha')).toEqual(days(10, 20));
      expect(await downloads(each, 'beta')).toEqual(days(11, 21));
      expect(await downloads(each, 'gamma')).toEqual({});
      const { ledger: loaded, saved } = await each.load('alpha');
      expect(saved).toEqual(EMPTY_LEDGER);
      expect(loaded.days.get('2026-09-01')?.partitionRows).toBe(5);
      expect(loaded.days.get('2026-09-02')?.partitionRows).toBeNull();
    }
    expect(readdirSync(folder)).toEqual(['_answers']);
  });

  it('are kept until every package has saved its ledger, and then leave nothing behind', async () => {
    const { ledgers, open, answers, path } = await held();
    expect(path).toMatch(/\/000001-[0-9a-f]{16}\.ndjson$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await ledgers.save('alpha', (await ledgers.load('alpha')).ledger);
    const { ledger: loaded, saved } = await ledgers.load('alpha');
    expect(loaded).toBe(saved);
    expect(answers()).toHaveLength(2);
    await ledgers.save('beta', (await ledgers.load('beta')).ledger);
    expect(answers()).toEqual([]);
    expect(await downloads(open(), 'beta')).toEqual(days(11, 21));
  });

  it('of a killed run are put away by the next one', async () => {
    const { ledgers, open, answers, warnings } = await held();
    await ledgers.save('alpha', (await ledgers.load('alpha')).ledger);
    await open().recover();
    expect([answers(), warnings]).toEqual([[], []]);
    expect(await downloads(open(), 'alpha')).toEqual(days(10, 20));
    expect(await downloads(open(), 'beta')).toEqual(days(11, 21));
  });

  it('that one ledger cannot get wait for it alone, and override nothing that others get later', async () => {
    const { open, folder, answers, warnings } = await held();
    const obstacle = join(folder, 'beta.json');
    mkdirSync(join(obstacle, 'x'), { recursive: true });
    const next = open();
    await next.recover();
    expect(warnings).toEqual([
      expect.stringMatching(/^beta: what an earlier run has read waits to be saved: /),
    ]);
    expect(answers()).toHaveLength(1);
    // The first day is filled in upstream, and read again for both.
    await next.append(first, answer(first.start, 1_000), () => 50);
    await next.save('alpha', (await next.load('alpha')).ledger);
    for (let run = 0; run < 2; run += 1) {
      const later = open();
      await later.recover();
      expect(await downloads(later, 'alpha')).toEqual(days(1_000, 20));
    }
    rmSync(obstacle, { recursive: true });
    const last = open();
    await last.recover();
    expect(answers()).toEqual([]);
    expect(await downloads(last, 'beta')).toEqual(days(1_001, 21));
  });

  it('go on being counted up after a kill, so that the later one about a day is known', async () => {
    const { open, answers } = await held();
    const next = open();
    await next.append(first, answer(first.start, 90), () => 6);
    expect(answers().map((name) => name.slice(0, 6))).toEqual(['000001', '000002', '000003']);
    for (const each of [next, open()]) {
      expect(await downloads(each, 'alpha')).toEqual(days(90, 20));
    }
  });

  it('are about some packages each, and none is kept that brought nothing', async () => {
    const { ledgers, answers } = await held();
    await ledgers.append(first, new Map(), () => 5);
    expect(answers()).toHaveLength(2);
    await ledgers.append(first, new Map([['gamma', [row(first.start, 7)]]]), () => 5);
    expect(await downloads(ledgers, 'gamma')).toEqual({ '2026-09-01': 7 });
    expect(await downloads(ledgers, 'alpha')).toEqual(days(10, 20));
  });

  it.each([
    ['that were altered', (text: string) => text.replace('10', '99')],
    ['that end early', (text: string) => text.slice(0, 150)],
    ['that are empty', () => ''],
  ])('%s are set aside, with a warning, and read again', async (_, damage) => {
    const { open, path, warnings } = await held();
    writeFileSync(path, damage(readFileSync(path, 'utf8')));
    expect(await downloads(open(), 'alpha')).toEqual({ '2026-09-02': 20 });
    expect(warnings).toEqual([
      `${path} cannot be trusted: it was altered; it is set aside as ${path}.rejected-1`,
    ]);
    expect(await downloads(open(), 'alpha')).toEqual({ '2026-09-02': 20 });
    expect(warnings).toHaveLength(1);
  });

  it.each([
    ['of another source', { source: 'bigquery:other' }, 'it was read from "bigquery:other", not from'],
    ['to another question', { question: 1 }, 'it was read with another query'],
    ['of a later version', { version: 9 }, 'its format is version 9'],
  ])('%s are set aside', async (_, head, reason) => {
    const { open, path, answersFolder, warnings } = await held();
    const [first, ...others] = readFileSync(path, 'utf8').split('\n');
    const text = [JSON.stringify({ ...JSON.parse(first ?? ''), ...head }), ...others].join('\n');
    const sum = createHash('sha256').update(text).digest('hex').slice(0, 16);
    writeFileSync(join(answersFolder, `000001-${sum}.ndjson`), text);
    rmSync(path);
    expect(await downloads(open(), 'alpha')).toEqual({ '2026-09-02': 20 });
    expect(warnings).toEqual([expect.stringContaining(reason)]);
  });

  it('are left where they are by a command that only reads', async () => {
    const { stateDir, answers, path } = await held();
    writeFileSync(path, '{');
    expect(await downloads(openLedgers(stateDir, SOURCE, undefined), 'alpha')).toEqual({ '2026-09-02': 20 });
    expect(answers()).toHaveLength(2);
  });

  it('that come between loading and saving a ledger are not taken for saved', async () => {
    const { ledgers, open, answers, saveAll } = await held();
    const loaded = (await ledgers.load('alpha')).ledger;
    const third = { start: '2026-09-03', end: '2026-09-04' };
    await ledgers.append(third, answer(third.start, 30), () => 5);
    await ledgers.save('alpha', loaded);
    for (const each of [ledgers, open()]) {
      expect(await downloads(each, 'alpha')).toEqual({ ...days(10, 20), '2026-09-03': 30 });
    }
    await saveAll();
    expect(answers()).toEqual([]);
  });

  it('of which a line is damaged while a run goes on are that package’s failure alone', async () => {
    const { ledgers, path, warnings } = await held();
    const lines = readFileSync(path, 'utf8').split('\n');
    const at = lines.findIndex((line) => line.startsWith('["alpha"'));
    writeFileSync(path, lines.with(at, String(lines[at]).replaceAll('[', '{')).join('\n'));
    expect(await downloads(ledgers, 'alpha')).toEqual({ '2026-09-02': 20 });
    expect(await downloads(ledgers, 'beta')).toEqual(days(11, 21));
    expect(warnings).toEqual([`${path}: what it holds of alpha cannot be trusted: a line of it is not JSON`]);
  });

  it('may be put into the ledgers by a run while another command reads', async () => {
    const { open, saveAll } = await held();
    const reading = open();
    expect(await downloads(reading, 'alpha')).toEqual(days(10, 20));
    await saveAll();
    expect(await downloads(reading, 'beta')).toEqual(days(11, 21));
  });

  it('say so when the disk refuses', async () => {
    const { open, folder } = setUp();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, '_answers'), '');
    const ledgers = open();
    for (const work of [
      ledgers.load('alpha'),
      ledgers.append(first, answer(first.start, 1), () => 5),
      ledgers.assertRoom(['alpha', 'beta'], 1),
      ledgers.recover(),
    ]) {
      await expect(work).rejects.toMatchObject({ code: 'disk-obstacle' });
    }
  });
});
