import { addDays, dayOf } from '../days/day.ts';
import { describeError, errorCode } from '../errors/error.ts';
import { kindOf, openSource, type SourceConfig, traitsOf } from './index.ts';
import type { Finding, Source, World } from './source.ts';
import type { Question } from './sql.ts';

export const ok = (what: string, text: string): Finding => ({ what, state: 'ok', text });
export const note = (what: string, text: string): Finding => ({ what, state: 'note', text });
export const fail = (what: string, text: string): Finding => ({ what, state: 'FAIL', text });
export const broken = (what: string, error: unknown): Finding => ({
  ...fail(what, describeError(error)),
  error,
});

/** Google refuses tokens that are off by some minutes; a clock that is kept right is off by far less. */
const SKEW_MAX_MS = 60_000;

/**
 * @param skewMs How far this machine's clock is ahead, in milliseconds; undefined if that is not known.
 * @param whose Whose clock it is compared with.
 * @param refused What follows from a clock that is off, after a comma.
 */
export function checkClock(skewMs: number | undefined, whose: string, refused = ''): Finding[] {
  if (skewMs === undefined) return [];
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const off = `${seconds} s ${skewMs < 0 ? 'behind' : 'ahead of'} ${whose}`;
  return [
    Math.abs(skewMs) > SKEW_MAX_MS
      ? fail('clock', `it is ${off}${refused}; run: timedatectl set-ntp true`)
      : ok('clock', seconds === 0 ? `agrees with ${whose}` : off),
  ];
}

/** Days for which a source that costs nothing is asked whether it has them. */
const LOOK_BACK_DAYS = 14;

/** How far behind the newest day of a table may be on a usual day. */
const BEHIND_DAYS = 2;

async function checkDays(source: Source, now: Date): Promise<Finding[]> {
  if (!source.traits.wholeLog) return [];
  const today = dayOf(now);
  const answer = await source.days({ start: addDays(today, -LOOK_BACK_DAYS), end: today });
  const clock = checkClock(source.clockSkewMs?.(), "the server's");
  if (answer.kind === 'unsupported') return [...clock, note('days', answer.reason)];
  const filled = [...answer.rows].filter(([, rows]) => rows > 0).map(([day]) => day);
  const newest = filled.toSorted().at(-1);
  const last = newest ? `its newest day is ${newest}` : `it has none of the last ${LOOK_BACK_DAYS} days`;
  const isLate = (newest ?? '') < addDays(today, -BEHIND_DAYS);
  return [...clock, isLate ? note('days', `${last}; windows end there`) : ok('days', last)];
}

/**
 * Asks a source, at no cost, whether it can be read: by its own check, or for the days that it has.
 *
 * @param question About a package, for the own check.
 */
export async function checkSource(
  config: SourceConfig,
  world: World,
  question: Question,
): Promise<Finding[]> {
  const { kind, describe } = kindOf(config);
  let source: Source;
  try {
    source = await openSource(config, { ...world, isWaitedFor: true });
  } catch (error) {
    // Who is to pay must sign in.
    const what = traitsOf(config, world.env).billed ? 'credentials' : kind;
    return [broken(errorCode(error) === 'proxy-invalid' ? 'proxy' : what, error)];
  }
  try {
    if (source.check !== undefined) return await source.check(question);
    const [[, what] = []] = await describe(config, world.env);
    return [ok(kind, `can be read: ${what}`), ...(await checkDays(source, world.now()))];
  } catch (error) {
    return [broken(errorCode(error) === 'clock' ? 'clock' : kind, error)];
  } finally {
    await source.close();
  }
}
