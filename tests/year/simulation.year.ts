import { cpSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Fault, ServerRow, Trouble } from '../support/bigquery-server.ts';
import { type DayNumber, dayNumber, dayText, endOf } from '../support/independent.ts';
import { type Blow, type House, openHouse, type Tracked } from './house.ts';
import { badgesOf, totals } from './oracle.ts';
import { chance, makeWeather, PACKAGES, tableOn } from './world.ts';

/*
 * More than a year of daily runs of the built command against a table that is late,
 * empty and incomplete, with everything that happens to a machine in a year, and whatever goes wrong with whatever request. After
 * each run, the badges are those of an independent count of what the table showed, no last day of theirs went back, and no paid
 * day was read again without a reason.
 *
 * YEAR_SEED has another year; YEAR_DAYS a shorter or longer one.
 */

const SEED = Number(process.env['YEAR_SEED'] ?? 1);
const DAYS = Number(process.env['YEAR_DAYS'] ?? 400);
/** The day before the first run. */
const BEFORE = dayNumber('2026-10-01');
/** Days of the table that are shown: the longest window, and the weeks before it that days are compared with. */
const SHOWN = 160;
/** Share of its rows by which a day must change to be worth reading again. */
const CHANGE = 0.0001;

const WINDOWS: readonly (readonly number[])[] = [[7], [30], [7, 30], [90], [30, 7], [1]];

const dice = (what: string) => chance(`${SEED} ${what}`);
const pick = <T>(list: readonly T[], what: string): T => {
  const chosen = list[Math.floor(dice(what) * list.length)];
  if (chosen === undefined) throw new Error('an empty list');
  return chosen;
};

const faults: string[] = [];
const tally: Record<string, number> = {};
const count = (what: string, by = 1) => {
  tally[what] = (tally[what] ?? 0) + by;
};

/** Whether the run before was told what days there are. */
let wasTold = false;
let house: House;

/** The list changes now and then: packages and windows come, go and come back. */
function changeList(list: readonly Tracked[], today: DayNumber): readonly Tracked[] {
  const roll = dice(`list ${today}`);
  const absent = PACKAGES.filter((name) => list.every((each) => each.name !== name));
  const windows = pick(WINDOWS, `windows ${today}`);
  const chosen = pick(list, `change ${today}`);
  if (roll < 0.03 && absent.length > 0) return [...list, { name: pick(absent, `add ${today}`), windows }];
  if (roll < 0.05 && list.length > 1) return list.filter((each) => each !== chosen);
  return roll < 0.08 ? list.map((each) => (each === chosen ? { ...each, windows } : each)) : list;
}

/** Each with the share of days that have it or one before it. */
const EVENTS = { fault: 0.16, kill: 0.28, term: 0.34, full: 0.4, ahead: 0.42, behind: 0.43, none: 1 };
type Event = keyof typeof EVENTS;

function eventOf(today: DayNumber, blind: boolean): Event {
  const roll = dice(`event ${today}`);
  const event = (Object.keys(EVENTS) as Event[]).find((each) => roll < EVENTS[each]) ?? 'none';
  if (event === 'full' && !house.canFill) return 'none';
  // An emulator's clock is not compared, so without the rows of days nothing tells that this one is wrong.
  return blind && (event === 'ahead' || event === 'behind') ? 'none' : event;
}

type Json = Record<string, unknown>;
const rows = (change: (body: Json, list: unknown[]) => Json): Fault => ({
  change: (body) => change(body, (body['rows'] ?? []) as unknown[]),
});
const FAULTS: readonly Fault[] = [
  ...(['reset', 'lost', 'cut', { status: 503 }, { status: 418 }] as const),
  { status: 400, reason: 'brandNew' },
  { status: 403, reason: 'accessDenied' },
  { status: 429, reason: 'rateLimitExceeded' },
  { status: 500, reason: 'backendError' },
  { status: 404, reason: 'notFound' },
  { status: 200, body: '<html>sign in</html>' },
  { status: 200, body: '{}' },
  { status: 200, body: '{"jobComplete":true}' },
  ...['jobInternalError', 'resourcesExceeded', 'backendError', 'brandNew'].map((reason) => {
    return { jobFails: { reason, message: 'odd' } };
  }),
  rows((body, list) => ({ ...body, rows: list.slice(1) })),
  rows((body, list) => ({ ...body, rows: [...list, ...list], totalRows: String(2 * list.length) })),
  rows((body, list) => ({ ...body, rows: list.slice(0, -1), totalRows: String(list.length) })),
];

/** One or two faults of requests of a kind: of all, of the question about days or of the others, or of those for a package. */
function faultsOf(list: readonly Tracked[], today: DayNumber): Trouble[] {
  return [1, 2].slice(pick([0, 1], `faults ${today}`)).map((each) => {
    const of = `${today} ${each}`;
    const about = [
      {},
      { revisions: true },
      { revisions: false },
      { package: pick(list, `victim ${of}`).name },
    ];
    return {
      on: pick(['insert', 'results', 'job'] as const, `on ${of}`),
      ...pick(about, `about ${of}`),
      times: pick([1, 1, 1, 2, 99], `times ${of}`),
      fault: pick(FAULTS, `fault ${of}`),
    };
  });
}

const REFUSED: Trouble = {
  on: 'insert',
  revisions: true,
  fault: { status: 403, reason: 'accessDenied', message: 'no view' },
};

/** All that a run could see, and what was there before it. */
interface Scene {
  readonly today: DayNumber;
  readonly asOf: DayNumber;
  readonly rows: readonly ServerRow[];
  readonly sums: ReadonlyMap<DayNumber, number>;
  readonly list: readonly Tracked[];
  readonly blind: boolean;
  readonly event: Event;
  /** Whether answers may have been damaged on their way. */
  readonly damaged: boolean;
}

const HEALTH = 'output/_health.json';

/** What files hold, or badges say, by path. */
type Files = Readonly<Record<string, string>>;

/** The messages of a package's badges, by file name. */
function badgesIn(files: Files, name: string): Files {
  const start = `output/${name}/`;
  return Object.fromEntries(
    Object.entries(files)
      .filter(([path]) => path.startsWith(start) && path.endsWith('-non-ci.json'))
      .map(([path, text]) => [path.slice(start.length), JSON.parse(text).message]),
  );
}

/** What a ledger has of a day: the rows of the whole table when it was read, null where that was not told. */
type LedgerDays = ReadonlyMap<DayNumber, number | null>;

/** What the ledger of a package has. */
function ledgerIn(files: Files, name: string): LedgerDays {
  const isLedger = (path: string) => path.startsWith('state/ledger/') && path.endsWith(`/${name}.json`);
  const [, text = '{"days": []}'] = Object.entries(files).find(([path]) => isLedger(path)) ?? [];
  const { days }: { days: [string, number | null][] } = JSON.parse(text);
  return new Map(days.map(([day, rows]) => [dayNumber(day), rows]));
}

const tell = ({ today, event }: Scene, text: string) => faults.push(`${dayText(today)} (${event}): ${text}`);

function expectedBadges({ rows, asOf, sums, blind }: Scene, { name, windows }: Tracked) {
  // A source that told its days once is not taken for one that cannot.
  if (blind && wasTold) return undefined;
  const end = blind ? asOf : endOf(sums, asOf, asOf - SHOWN);
  if (end === undefined) return undefined;
  const badges: Files = Object.assign({}, ...windows.map((days) => badgesOf(rows, name, end, days)));
  return { end, badges };
}

/** A run as it ended, with what stood on the disk before and after it. */
interface Run {
  readonly before: Files;
  readonly after: Files;
  /** The first call of the server's list that it made. */
  readonly firstCall: number;
  /** Undefined if it was killed. */
  readonly exitCode: number | undefined;
  /** Whether it came to its own end. */
  readonly ended: boolean;
  /** Whether it wrote a health file. */
  readonly wrote: boolean;
}

interface Health {
  started: string;
  packages: Record<string, { error?: string; counted_to?: string; attempted?: string }>;
}

function checkBadges(scene: Scene, { before, after, ended, wrote, exitCode }: Run) {
  const { list, event } = scene;
  const { started, packages }: Health = JSON.parse(after[HEALTH] ?? '');
  for (const tracked of list) {
    const { name } = tracked;
    const last = before[HEALTH] && (JSON.parse(before[HEALTH]) as Health).packages[name]?.counted_to;
    const say = (text: string) => tell(scene, `${name}${text}`);
    const entry = packages[name];
    const [old, found] = [badgesIn(before, name), badgesIn(after, name)];
    const expected = expectedBadges(scene, tracked);
    if (event !== 'behind' && last && !((entry?.counted_to ?? '') >= last)) say(` went back from ${last}`);
    const reached = ended && wrote && entry?.attempted !== undefined && entry.attempted >= started;
    if (reached && entry?.error === undefined) {
      if (expected === undefined) {
        say(' was counted although the table is too far behind, or could not be told');
        continue;
      }
      count('packages counted');
      const last = dayText(expected.end - 1);
      if (entry?.counted_to !== last) say(` is counted to ${entry?.counted_to}, not ${last}`);
      for (const [file, message] of Object.entries(expected.badges)) {
        count('badges compared');
        if (found[file] !== message) say(`/${file} says ${found[file]}, and the table ${message}`);
      }
    } else {
      for (const [file, message] of Object.entries(found)) {
        const either = [old[file], ...(ended && wrote && event !== 'full' ? [] : [expected?.badges[file]])];
        count('old badges looked at');
        if (either.includes(message)) continue;
        say(`/${file} says ${message} after a run that failed, before it ${old[file]}`);
      }
    }
    if (exitCode === 0 && !reached) say(' was not reached, and the exit code is 0');
    if (exitCode === 0 && entry?.error !== undefined) say(` failed, and the exit code is 0: ${entry.error}`);
  }
}

/** Why a day was asked for; undefined if there is no reason. */
function reasonOf(scene: Scene, kept: LedgerDays, day: DayNumber, whole: boolean): string | undefined {
  const rows = kept.get(day);
  if (rows === undefined) return 'days read first';
  if (rows === null) return 'days read again, as it was not told then what they had';
  const now = scene.sums.get(day) ?? 0;
  const change = rows === 0 ? now : Math.abs(now - rows) / rows;
  if (change >= CHANGE) return 'days read again, as they had changed';
  if (!scene.blind) return undefined;
  if (day >= scene.asOf - 2) return 'days read again, as the newest where the view is refused';
  return whole ? 'days read again, with the whole window, where the view is refused' : undefined;
}

function checkReads(scene: Scene, { before, after, firstCall, ended }: Run) {
  const { list, event } = scene;
  const calls = house.server.calls.slice(firstCall);
  const answered = new Set(calls.flatMap(({ kind, jobId }) => (kind === 'results' ? [jobId] : [])));
  let lost = 0;
  for (const { kind, package: name, jobId, start, end } of calls) {
    const job = house.server.jobs.get(jobId);
    if (kind !== 'insert' || job === undefined || job.failure !== undefined) continue;
    // The question about days has no span.
    if (name === undefined || start === undefined || end === undefined) continue;
    const [from, to] = [dayNumber(start), dayNumber(end)];
    const longest = Math.max(...(list.find((each) => each.name === name)?.windows ?? []));
    const [kept, now] = [ledgerIn(before, name), ledgerIn(after, name)];
    let missing = false;
    for (let day = from; day < to; day += 1) {
      const reason = reasonOf(scene, kept, day, to - from >= longest);
      count(reason ?? 'days read again without a reason');
      if (reason === undefined) tell(scene, `${name} ${dayText(day)} was read again without a reason`);
      missing ||= !now.has(day);
    }
    if (missing && answered.has(jobId)) lost += 1;
  }
  count('answers lost', lost);
  if (scene.damaged) return;
  if (ended && event !== 'full' && event !== 'term' && lost > 0) {
    tell(scene, `${lost} paid answers were not kept`);
  }
  // A run that is ended by a signal, or finds its disk full, loses what it was about to save, and no more.
  if (lost > 1) tell(scene, `${lost} paid answers were lost`);
}

async function run(scene: Scene, now: string, blow?: Blow) {
  const before = house.files();
  const firstCall = house.server.calls.length;
  wasTold = before[HEALTH]?.includes('"published"') === true;
  const { exitCode, stderr } = await house.collect(now, blow);
  const after = house.files();
  count('runs');
  if (exitCode === undefined) count('runs killed');
  const wrote = after[HEALTH] !== before[HEALTH];
  const ended = exitCode !== undefined && (wrote || exitCode < 128);
  if (exitCode !== undefined && exitCode > 1 && exitCode < 128) {
    tell(scene, `exit ${exitCode}: ${stderr.slice(-400)}`);
  }
  if (exitCode === 0 && !wrote) tell(scene, 'exit 0 without a health file');
  for (const [path, text] of Object.entries(after)) {
    try {
      if (path.endsWith('.json')) JSON.parse(text);
    } catch {
      tell(scene, `${path} is not whole`);
    }
  }
  const ran = { before, after, firstCall, exitCode, ended, wrote };
  if (after[HEALTH] !== undefined) checkBadges(scene, ran);
  checkReads(scene, ran);
  return { exitCode, stderr };
}

/** How a day's event changes the run. */
async function meet(scene: Scene): Promise<void> {
  const { today, event } = scene;
  const at = (time: string, day = today) => `${dayText(day)}T${time}:00Z`;
  const afterMs = 120 + Math.floor(dice(`when ${today}`) * 260);
  switch (event) {
    case 'kill':
    case 'term':
      await run(scene, at('06:00'), { signal: event === 'kill' ? 'SIGKILL' : 'SIGTERM', afterMs });
      break;
    case 'full':
      house.fill(Math.floor(dice(`free ${today}`) * 24_000));
      await run(scene, at('06:00'));
      house.empty();
      break;
    case 'ahead':
      await run({ ...scene, asOf: today + 365 }, at('06:00', today + 365));
      break;
    case 'behind':
      await run({ ...scene, asOf: today - 12 }, at('06:00', today - 12));
      break;
    default:
      await run(scene, at('06:00'));
  }
  if (event === 'none' || dice(`again ${today}`) < 0.3) return;
  house.server.become({ trouble: scene.blind ? [REFUSED] : [] });
  const { exitCode, stderr } = await run({ ...scene, event: 'none', damaged: false }, at('12:00'));
  const fails = scene.blind && wasTold;
  if (exitCode !== 0 && !fails && endOf(scene.sums, today, today - SHOWN) !== undefined) {
    tell(scene, `exit ${exitCode} of the run after: ${stderr.slice(-300)}`);
  }
}

it(`is right on every one of ${DAYS} days, by seed ${SEED}`, async () => {
  house = await openHouse();
  const weather = makeWeather(SEED, BEFORE, BEFORE + DAYS);
  let list: readonly Tracked[] = [
    { name: 'alpha', windows: [7, 30] },
    { name: 'beta', windows: [30] },
  ];
  for (let today = BEFORE + 1; today <= BEFORE + DAYS && faults.length < 20; today += 1) {
    if (today > BEFORE + 1) list = changeList(list, today);
    house.track(list);
    const blind = weather.blind.has(today);
    const event = eventOf(today, blind);
    const rows = tableOn(weather, today - SHOWN, today);
    const trouble = [...(blind ? [REFUSED] : []), ...(event === 'fault' ? faultsOf(list, today) : [])];
    house.server.become({ rows, date: new Date(`${dayText(today)}T06:00:00Z`), trouble });
    count(`days with ${event}`);
    if (endOf(totals(rows), today, today - SHOWN) === undefined)
      count('days on which the table is too far behind');
    const damaged = trouble.some(({ on }) => on !== 'insert');
    await meet({ today, asOf: today, rows, sums: totals(rows), list, blind, event, damaged });
    house.server.calls.length = 0;
    house.server.jobs.clear();
  }
  if (faults.length > 0) cpSync(house.folder, '/tmp/pypi-badges-year', { recursive: true });
  const lines = Object.entries(tally).map(([what, times]) => `  ${String(times).padStart(7)}  ${what}\n`);
  process.stdout.write(
    `${lines.join('')}${house.canFill ? '' : '  no full disks: mounting one needs root\n'}`,
  );
  expect(faults).toEqual([]);
  expect(tally['badges compared']).toBeGreaterThan(DAYS * 11);
});
