import { z } from 'zod';
import { printable } from '../errors/sanitize.ts';
import type { Total } from '../winnow/total.ts';
import { PUBLIC_WARNINGS, type WarningCode } from '../winnow/warnings.ts';

/* What _health.json says beside the figures of windows: warnings and totals. */

const count = z.int().min(0);
const day = z.iso.date();
/** The file may have been altered, and is shown on terminals. */
export const shownText = z.string().transform(printable);

const warningSchema = z.object({
  code: z.custom<WarningCode>((code) => typeof code === 'string' && Object.hasOwn(PUBLIC_WARNINGS, code)),
  message: shownText,
});

/** A later version's warning that is not known here takes no other with it. */
export const warningsSchema = z
  .array(warningSchema.optional().catch(undefined))
  .catch([])
  .transform((list) => list.filter((warning) => warning !== undefined));

export const totalSchema = z
  .object({ since: day, count, unknown_days: count })
  .transform(({ unknown_days: unknownDays, ...rest }): Total => ({ ...rest, unknownDays }));

export function totalToJson({ unknownDays, ...rest }: Total) {
  return { ...rest, unknown_days: unknownDays };
}
