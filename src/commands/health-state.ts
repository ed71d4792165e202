import type { Config } from '../config/config.ts';
import { type Health, type HealthEntry, isSuccess } from '../publish/health.ts';

/** How a package stands: `never` has not been collected yet; `stale` worked too long ago. */
export type PackageState = 'ok' | 'failed' | 'stale' | 'never';

export interface PackageStatus {
  readonly name: string;
  readonly state: PackageState;
  readonly entry: HealthEntry | undefined;
  /** Milliseconds since the last success; undefined if there was none. */
  readonly ageMs: number | undefined;
}

const MS_PER_DAY = 86_400_000;

function stateOf(entry: HealthEntry | undefined, ageMs: number | undefined, staleMs: number): PackageState {
  if (entry === undefined) return 'never';
  if (!isSuccess(entry)) return 'failed';
  return ageMs === undefined || ageMs >= staleMs ? 'stale' : 'ok';
}

/** How every tracked package stands, in the order of the configuration. */
export function packageStates(config: Config, health: Health | undefined, now: Date): PackageStatus[] {
  const staleMs = config.staleThresholdDays * MS_PER_DAY;
  return config.packages.map(({ name }) => {
    const entry = health?.packages[name];
    const last = Date.parse(entry?.last_success ?? '');
    const ageMs = Number.isNaN(last) ? undefined : Math.max(0, now.getTime() - last);
    return { name, state: stateOf(entry, ageMs, staleMs), entry, ageMs };
  });
}
