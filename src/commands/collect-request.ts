import type { Task } from '../collect/days.ts';
import type { Config } from '../config/config.ts';
import type { Context } from './context.ts';

/** What one invocation of `collect` works on. */
export interface CollectRequest extends Task {
  readonly config: Config;
  readonly context: Context;
  /** Whether the windows end today, and not by --as-of. */
  readonly isToday: boolean;
  /** Whether stdout is for programs. */
  readonly json: boolean;
  /** How long to go on trying where nothing can be reached, in minutes. */
  readonly waitMinutes: number;
  /** Whether to draw the page at the end. */
  readonly page: boolean;
}
