import type { ServerRow } from '../support/bigquery-server.ts';
import { type DayNumber, dayNumber, dayText } from '../support/independent.ts';

/*
 * A year of a table that is filled late, in part, not at all, and afterwards. Shares nothing with src/: days are
 * numbers since the epoch, and texts only where the server wants them.
 */

/** Each package with how large it is beside the others. */
const SIZES = { alpha: 1, beta: 0.2, gamma: 5, delta: 0.02, epsilon: 40 };
export const PACKAGES = Object.keys(SIZES);

/** A number of 0 or more and below 1 that depends on the text alone (FNV-1a and a finishing mix). */
export function chance(text: string): number {
  let hash = 2_166_136_261;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 16_777_619);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 2_246_822_507);
  hash = Math.imul(hash ^ (hash >>> 13), 3_266_489_909);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

type Kind = Omit<ServerRow, 'project' | 'day' | 'downloads'>;

/** What a package is downloaded by, and about how often on a day. */
const KINDS: readonly (readonly [Kind, most: number])[] = [
  [{ installer: 'pip', system: 'Linux' }, 60],
  [{ installer: 'pip', system: 'Darwin' }, 8],
  [{ installer: 'uv', system: 'Linux' }, 30],
  [{ installer: 'uv', system: 'Windows' }, 4],
  [{ installer: 'poetry' }, 3],
  [{ installer: 'pdm', system: 'Linux' }, 2],
  [{ installer: 'pip', system: 'Linux', ci: true }, 90],
  [{ installer: 'bandersnatch' }, 40],
  [{ installer: 'Browser' }, 5],
  [{ installer: 'requests', system: 'Linux' }, 20],
  [{}, 70],
];

/** A weekend has about 64 % of a midweek day, and the table grows by 60 % in a year. */
function shape(day: DayNumber): number {
  const weekday = (day + 4) % 7;
  const weekend = weekday === 0 || weekday === 6 ? 0.64 : 1;
  return weekend * (1 + 0.6 * ((day - dayNumber('2026-09-01')) / 365));
}

const whole = new Map<DayNumber, readonly ServerRow[]>();

/** All that was downloaded on a day, of the tracked packages and of the rest of PyPI. */
export function downloadsOf(day: DayNumber): readonly ServerRow[] {
  const known = whole.get(day);
  if (known !== undefined) return known;
  const text = dayText(day);
  const own = Object.entries(SIZES).flatMap(([project, size]) =>
    KINDS.map(([kind, most], index): ServerRow => {
      const share = chance(`${project} ${text} ${index}`);
      return { ...kind, project, day: text, downloads: Math.round(share * most * size * shape(day)) };
    }),
  );
  const downloads = Math.round(3_000_000 * shape(day));
  const rows = [
    ...own.filter((row) => row.downloads > 0),
    { project: 'the-rest', day: text, installer: 'pip', downloads },
  ];
  whole.set(day, rows);
  return rows;
}

/** Something that happens to a day's delivery: until `until`, only a part of it is there. */
interface Delay {
  readonly until: DayNumber;
  readonly part: number;
}

/** What happens in a year. */
export interface Weather {
  readonly delays: ReadonlyMap<DayNumber, Delay>;
  /** Days on which the view of partitions is refused. */
  readonly blind: ReadonlySet<DayNumber>;
}

/** Lays the trouble of a year: late, empty and incomplete days, outages that are filled in later, and a blind view. */
export function makeWeather(seed: number, first: DayNumber, last: DayNumber): Weather {
  const delays = new Map<DayNumber, Delay>();
  const blind = new Set<DayNumber>();
  let day = first;
  while (day < last) {
    const dice = chance(`${seed} ${day}`);
    const length = chance(`${seed} ${day} length`);
    if (dice < 0.06) {
      delays.set(day, { until: day + 2 + Math.floor(length * 4), part: 0 });
      day += 1;
    } else if (dice < 0.12) {
      delays.set(day, { until: day + 2 + Math.floor(length * 25), part: 0.02 + 0.3 * length });
      day += 1;
    } else if (dice < 0.135) {
      delays.set(day, { until: Number.POSITIVE_INFINITY, part: 0 });
      day += 1;
    } else if (dice < 0.16) {
      // A pipeline that stands still for days, and is filled in afterwards, all at once.
      const days = 3 + Math.floor(length * 9);
      for (let each = day; each < day + days; each += 1) {
        delays.set(each, { until: day + days + 2 + Math.floor(length * 14), part: each === day ? 0.2 : 0 });
      }
      day += days;
    } else if (dice < 0.18) {
      for (let each = 0; each < 4 + Math.floor(length * 8); each += 1) blind.add(day + each);
      // The table itself stays calm, before and after: what is read blindly is what is there.
      day += 25;
    } else {
      day += 1;
    }
  }
  // Nothing is filled in while the view is refused: a run could not know of it.
  for (const [late, { until }] of delays) {
    if ([...blind].some((each) => until >= each - 1 && late <= each)) delays.delete(late);
  }
  return { delays, blind };
}

/** How much of a day is there on another, from 0 to 1. */
function delivered({ delays }: Weather, day: DayNumber, today: DayNumber): number {
  if (day >= today) return 0;
  const delay = delays.get(day);
  return delay === undefined || today >= delay.until ? 1 : delay.part;
}

/** What the table shows on a day: the rows of all days from `first` on. */
export function tableOn(weather: Weather, first: DayNumber, today: DayNumber): ServerRow[] {
  const rows: ServerRow[] = [];
  for (let day = first; day < today; day += 1) {
    const part = delivered(weather, day, today);
    if (part === 0) continue;
    for (const row of downloadsOf(day)) {
      const downloads = Math.floor(row.downloads * part);
      if (downloads > 0) rows.push(part === 1 ? row : { ...row, downloads });
    }
  }
  return rows;
}
