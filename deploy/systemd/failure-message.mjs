// What the operator is told of a failed run, in words for people: what failed and what to do first, then
// warnings, then how many went well. Pure, so that it can be tested; notify-failure.mjs gathers and sends.

/** How many names are written out of packages that failed for the same reason. */
const NAMES_SHOWN = 5;

/**
 * @param {string[]} names
 * @returns {string} `a, b and 3 more`
 */
function listed(names) {
  const more = names.length - NAMES_SHOWN;
  return more > 1 ? `${names.slice(0, NAMES_SHOWN).join(', ')} and ${more} more` : names.join(', ');
}

/** Lines of `who: sentence`, one for each sentence, those of most packages first. */
function grouped(pairs) {
  const names = new Map();
  for (const [name, sentence] of pairs) names.set(sentence, [...(names.get(sentence) ?? []), name]);
  return [...names]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([sentence, who]) => `${listed(who)}: ${sentence}`);
}

const plural = (count, one) => `${count} ${one}${count === 1 ? '' : 's'}`;

/** A line of the journal as people read it: of a JSON line its level and message, any other as it is. */
function readable(line) {
  try {
    const { level, msg, package: name } = JSON.parse(line);
    if (typeof msg !== 'string') return line;
    return `${level}: ${name === undefined || msg.includes(name) ? '' : `${name}: `}${msg}`;
  } catch {
    return line;
  }
}

/** What the last run said of its packages. */
function ofPackages(status) {
  const entries = Object.entries(status.packages);
  const failed = entries.filter(([, { error }]) => error !== undefined);
  const failures = failed.map(([name, entry]) => [
    name,
    entry.error_code === undefined ? entry.error : `${entry.error} [${entry.error_code}]`,
  ]);
  const warnings = [
    ...grouped(
      entries.flatMap(([name, entry]) => (entry.warnings ?? []).map(({ message }) => [name, message])),
    ),
    ...(status.warnings ?? []).map(({ message }) => message),
  ];
  const well = entries.length - failed.length;
  return {
    headline: `${failed.length} of ${plural(entries.length, 'package')} failed`,
    lines: [
      ...grouped(failures),
      ...(warnings.length === 0 ? [] : ['', 'Warnings:', ...warnings]),
      '',
      `${plural(well, 'package')} went well. Badges of the others keep their last good values.`,
    ],
  };
}

/**
 * The message about a failed unit.
 *
 * @param {object} facts
 * @param {string} facts.unit
 * @param {string} facts.host
 * @param {string} facts.result What systemd calls it, such as exit-code or timeout.
 * @param {string} facts.exitStatus
 * @param {object} [facts.status] What `pypi-badges status --json` says, if it is about this run.
 * @param {string[]} facts.log The last lines of the run, oldest first.
 * @returns {{subject: string, lines: string[]}}
 */
export function composeMessage({ unit, host, result, exitStatus, status, log }) {
  const told = status === undefined ? undefined : ofPackages(status);
  const failedAny = told !== undefined && !told.headline.startsWith('0 ');
  const subject = `${unit} failed on ${host}`;
  const more = `Look further with: journalctl -u ${unit} -n 100 -o cat`;
  if (failedAny) return { subject, lines: [`${told.headline}.`, '', ...told.lines, '', more] };
  return {
    subject,
    lines: [
      `Result: ${result}, exit status: ${exitStatus}. Badges on disk keep their last good values.`,
      '',
      'What it said, newest last:',
      ...log.map(readable),
      '',
      more,
    ],
  };
}

/**
 * Lines as one text of at most `most` characters: what does not fit is left out at the end, which is the least
 * important, and its number is told.
 *
 * @param {string[]} lines
 * @param {number} most
 */
export function shorten(lines, most) {
  const whole = lines.join('\n');
  if (whole.length <= most) return whole;
  const room = most - 40;
  const kept = [];
  let length = 0;
  for (const line of lines) {
    if (length + line.length + 1 > room) break;
    kept.push(line);
    length += line.length + 1;
  }
  if (kept.length <= 2) kept.push(`${(lines[kept.length] ?? '').slice(0, room - length - 2)}…`);
  return `${kept.join('\n')}\n(${plural(lines.length - kept.length, 'line')} left out)`;
}

/**
 * An address without its user and password, and the header that stands for them; fetch takes none in an address.
 *
 * @param {string} text
 * @returns {{url: string, headers: Record<string, string>}}
 */
export function webhookAddress(text) {
  const url = new URL(text);
  const { username, password } = url;
  if (username === '' && password === '') return { url: url.href, headers: {} };
  url.username = '';
  url.password = '';
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url: url.href, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } };
}
