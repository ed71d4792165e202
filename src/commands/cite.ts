import { addDays, date, dayOf, spanDays } from '../days/day.ts';
import { formatNumber, nameSome, plural } from '../format.ts';
import { METRIC_DEFINITION } from '../metric/classes.ts';
import { incompleteDaysOf, spanOf } from '../metric/package-days.ts';
import { spanText } from '../page/words.ts';
import type { Account } from './account.ts';
import type { Context } from './context.ts';

/** How many days are named. */
const DAYS_MAX = 31;

/** Days that the figure lacks, as a sentence. */
function lacking({ summary: { history } }: Account): string {
  const { missing, unknown, partial } = incompleteDaysOf(history);
  const days = [...missing, ...unknown].toSorted();
  const without =
    days.length === 0 ? 'No day is unknown.' : `Unknown, and left out: ${nameSome(days, DAYS_MAX)}.`;
  return `${without}${partial.length === 0 ? '' : ` Incomplete: ${nameSome(partial, DAYS_MAX)}.`}`;
}

/**
 * How to cite the count of a package, as text, BibTeX and Markdown: the count, what it counts, its source and days, those that
 * are not known, and the version and the command that repeat it.
 *
 * @param sourceName Whose figures these are, as words that follow "counted from".
 * @param source The source, where the command line named one.
 */
export function citationOf(account: Account, sourceName: string, context: Context, source?: string): string {
  const { name, summary } = account;
  const { version = '', now } = context;
  const today = dayOf(now());
  const span = spanOf(summary.history);
  const last = addDays(span.end, -1);
  const { count } = summary.windows[0].breakdown;
  // As of the day after the last that was counted, which is today's only where the source is not behind.
  const command = `pypi-badges show ${name} --days ${spanDays(span)} --as-of ${span.end}${source === undefined ? '' : ` --source ${source}`} --cite`;
  const when = spanText(span);
  const url = `https://pypi.org/project/${name}/`;
  const figure = `${plural(count, 'download')} by installers, not marked as CI`;
  const counted = `counted from ${sourceName} by pypi-badges ${version} on ${date(today)}`;
  const rule = `${METRIC_DEFINITION} No number of downloads is a number of users. ${lacking(account)}`;
  return `${name} had ${figure}, in ${when} (UTC), ${counted}. ${rule} To repeat it: ${command}

@misc{pypi-${name}-${last},
  title = {{PyPI downloads of ${name}, ${when}}},
  author = {{pypi-badges ${version}}},
  year = {${last.slice(0, 4)}},
  url = {${url}},
  urldate = {${today}},
  note = {${figure}, ${counted}. ${rule} Command: \\texttt{${command.replaceAll('--', '{-}{-}')}}}
}

[${name}](${url}) had **${formatNumber(count)}** [non-CI downloads](https://www.npmjs.com/package/pypi-badges) in ${when} (UTC), ${counted}. ${rule} To repeat it: \`${command}\`
`;
}
