import { addDays, type Day, date } from '../days/day.ts';
import { formatNumber, nameSome, plural } from '../format.ts';
import { METRIC_DEFINITION } from '../metric/classes.ts';
import { oddDaysOf } from '../metric/package-days.ts';
import { type Account, windowText } from './account.ts';

/** What a citation says besides its figure. */
export interface CitedFacts {
  /** Whose figures these are, as words that follow "counted from". */
  readonly sourceName: string;
  /** The source, where the command line named one. */
  readonly source: string | undefined;
  /** Of this program. */
  readonly version: string;
  /** The day on which it was counted, UTC. */
  readonly today: Day;
}

/** How many days are named. */
const DAYS_MAX = 31;

/** Days that the figure lacks, as a sentence. */
function lacking({ summary: { history } }: Account): string {
  const { missing, unknown, partial } = oddDaysOf(history);
  const days = [...missing, ...unknown].toSorted();
  const without =
    days.length === 0 ? 'No day is unknown.' : `Unknown, and left out: ${nameSome(days, DAYS_MAX)}.`;
  return `${without}${partial.length === 0 ? '' : ` Incomplete: ${nameSome(partial, DAYS_MAX)}.`}`;
}

/**
 * How to cite the count of a package, as text, BibTeX and Markdown: the count, what it counts, its source and days, those that
 * are not known, and the version and the command that repeat it.
 */
export function citationOf(account: Account, { sourceName, source, version, today }: CitedFacts): string {
  const { name, summary } = account;
  const { history, windows } = summary;
  const end = String(history.at(-1)?.day);
  const count = plural(windows[0].breakdown.count, 'download');
  // As of the day after the last that was counted, which is today's only where the source is not behind.
  const command = `pypi-badges show ${name} --days ${history.length} --as-of ${addDays(end, 1)}${source === undefined ? '' : ` --source ${source}`} --cite`;
  const when = windowText(summary);
  const title = `PyPI downloads of ${name}, ${when}`;
  const url = `https://pypi.org/project/${name}/`;
  const rule = `${METRIC_DEFINITION} No number of downloads is a number of users.`;
  const counted = `counted from ${sourceName} by pypi-badges ${version} on ${date(today)}`;
  const figure = `${name} had ${count} by installers, not marked as CI, in ${when} (UTC)`;
  const note = `${count} by installers, not marked as CI, ${counted}. ${rule} ${lacking(account)}`;
  return `${figure}, ${counted}. ${rule} ${lacking(account)} To repeat it: ${command}

@misc{pypi-${name}-${end},
  title = {{${title}}},
  author = {{pypi-badges ${version}}},
  year = {${end.slice(0, 4)}},
  url = {${url}},
  urldate = {${today}},
  note = {${note} Command: \\texttt{${command.replaceAll('--', '{-}{-}')}}}
}

[${name}](${url}) had **${formatNumber(windows[0].breakdown.count)}** [non-CI downloads](https://www.npmjs.com/package/pypi-badges) in ${when} (UTC), ${counted}. ${rule} ${lacking(account)} To repeat it: \`${command}\`
`;
}
