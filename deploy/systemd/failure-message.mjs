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

/**
 * What is alike for several packages, once.
 *
 * @param {Iterable<[name: string, sentence: string]>} pairs
 * @returns {[who: string, sentence: string][]} Those of most packages first.
 */
export function grouped(pairs) {
  const names = new Map();
  for (const [name, sentence] of pairs) {
    const who = names.get(sentence);
    if (who === undefined) names.set(sentence, [name]);
    else who.push(name);
  }
  return [...names]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([sentence, who]) => [listed(who), sentence]);
}

const linesOf = (pairs) => grouped(pairs).map(([who, sentence]) => `${who}: ${sentence}`);

const plural = (count, one) => `${count} ${one}${count === 1 ? '' : 's'}`;

/** A line of the collector's log taken apart; undefined for a line of anything else. */
function parsed(line) {
  try {
    const record = JSON.parse(line);
    return typeof record?.msg === 'string' ? record : undefined;
  } catch {
    return undefined;
  }
}

/** A line of the journal as people read it: of a JSON line its level and message, any other as it is. */
function readable(line) {
  const record = parsed(line);
  if (record === undefined) return line;
  const { level, msg, package: name, error_code: code } = record;
  const who = name === undefined || msg.includes(name) ? '' : `${name}: `;
  return `${level}: ${who}${msg}${code === undefined ? '' : ` [${code}]`}`;
}

/** How many entries of the log are told. */
const ENTRIES_TOLD = 20;

/**
 * The log with what matters first, as a message may be cut at its end: errors, then the rest, each newest first.
 * Lines that begin with a blank go with the line before them, as those of a stack do.
 */
function mostTelling(log) {
  const entries = [];
  for (const line of log) {
    if (/^\s/.test(line) && entries.length > 0) entries.at(-1).push(line);
    else entries.push([line]);
  }
  const isError = ([first]) => ['error', 'fatal'].includes(parsed(first)?.level);
  const newestFirst = entries.toReversed();
  return [...newestFirst.filter(isError), ...newestFirst.filter((entry) => !isError(entry))]
    .slice(0, ENTRIES_TOLD)
    .flatMap(([first, ...more]) => [readable(first), ...more]);
}

/** Without the times of a log, a run that ended longer ago than this is not the one that failed just now. */
const RECENT_MS = 10 * 60_000;

/**
 * Whether the last run that `_health.json` knows is the one that wrote a log.
 *
 * @param {{finished?: string}} status
 * @param {string[]} log Oldest first.
 * @param {Date} now
 */
export function isOfRun({ finished }, log, now) {
  if (finished === undefined) return false;
  const times = log.map((line) => Date.parse(parsed(line)?.time)).filter((time) => !Number.isNaN(time));
  return Date.parse(finished) >= (times[0] ?? now.getTime() - RECENT_MS);
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
    ...linesOf(
      entries.flatMap(([name, entry]) => (entry.warnings ?? []).map(({ message }) => [name, message])),
    ),
    ...(status.warnings ?? []).map(({ message }) => message),
  ];
  const well = entries.length - failed.length;
  return {
    failed: failed.length,
    lines: [
      `${failed.length} of ${plural(entries.length, 'package')} failed.`,
      '',
      ...linesOf(failures),
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
  const subject = `${unit} failed on ${host}`;
  const ended = `Result: ${result}, exit status: ${exitStatus}.`;
  const more = `Look further with: journalctl -u ${unit} -n 100 -o cat`;
  if (told !== undefined && told.failed > 0) {
    // 1 says no more than that packages failed.
    const how = exitStatus === '1' ? [] : [ended];
    return { subject, lines: [...how, ...told.lines, '', more] };
  }
  return {
    subject,
    lines: [
      `${ended} Badges on disk keep their last good values.`,
      '',
      'What it said, errors first, then the newest:',
      ...mostTelling(log),
      '',
      more,
    ],
  };
}

/** Room for the note of what was left out. */
const NOTE_LENGTH = 40;
/** Of a line that does not fit, a piece that is shorter than this would say nothing. */
const LEAST_PIECE = 60;

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
  const kept = [];
  let room = most - NOTE_LENGTH;
  let rest = lines;
  for (; rest.length > 0 && rest[0].length < room; rest = rest.slice(1)) {
    kept.push(rest[0]);
    room -= rest[0].length + 1;
  }
  if (room > LEAST_PIECE && rest.length > 0) {
    // Not in the middle of a surrogate pair, which is no character.
    kept.push(`${rest[0].slice(0, room - 2).replace(/[\uD800-\uDBFF]$/, '')}…`);
    rest = rest.slice(1);
  }
  const left = rest.filter((line) => line !== '').length;
  return left === 0 ? kept.join('\n') : `${kept.join('\n')}\n(${plural(left, 'line')} left out)`;
}

/** Percent-encoding undone; a text that is none stays as it is. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * An address without its user and password, and the header that stands for them; fetch takes none in an address.
 *
 * @param {string} text
 * @returns {{url: string, headers: Record<string, string>}}
 */
export function webhookAddress(text) {
  if (!/^https?:/i.test(text) || !URL.canParse(text)) {
    throw new TypeError('WEBHOOK_URL is no address; it must begin with https://');
  }
  const url = new URL(text);
  const { username, password } = url;
  if (username === '' && password === '') return { url: url.href, headers: {} };
  url.username = '';
  url.password = '';
  const pair = `${decoded(username)}:${decoded(password)}`;
  return { url: url.href, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } };
}

/** Fewer characters say nothing of an address, and are part of other words. */
const SECRET_MIN = 4;

/**
 * A text without the address of a webhook, which is a secret, and without what is secret in it: user, password, and
 * what stands behind the host.
 *
 * @param {string} text
 * @param {string} address
 */
export function withoutAddress(text, address) {
  const { href, username, password, pathname, search } = URL.canParse(address) ? new URL(address) : {};
  const parts = [address, href, username, password, pathname, search].flatMap((part = '') => [
    part,
    decoded(part),
  ]);
  return parts
    .filter((part) => part.length >= SECRET_MIN)
    .toSorted((a, b) => b.length - a.length)
    .reduce((rest, part) => rest.replaceAll(part, '[removed]'), text);
}

/**
 * A text in which no service finds a call for anybody, whatever a server has said: `@channel`, `@everyone`, `<!here>`,
 * `<users/all>`, `[all](mention://all)`. A blank is taken out by no service, and is seen by who copies a mail address.
 */
function callingNobody(text) {
  return text.replaceAll(/[@\uff20<]|\](?=\()/g, '$& ');
}

/** Discord refuses longer messages (its documentation, "Execute Webhook"). */
const DISCORD_MAX = 2000;
/** ntfy makes a file of a longer message, and Google Chat and Mattermost cut or refuse far longer ones. */
const CHAT_MAX = 4000;

/** Slack's three control characters (its documentation, "Formatting text"). */
const forSlack = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The JSON that a service takes. Google Chat refuses keys that it does not know; the others pass over them. */
function bodyFor({ hostname }, text, content, facts) {
  if (hostname === 'chat.googleapis.com') return { text };
  if (hostname === 'hooks.slack.com') return { text: forSlack(text) };
  if (/(^|\.)discord(app)?\.com$/.test(hostname)) return { content, allowed_mentions: { parse: [] } };
  return { text, content, ...facts };
}

/**
 * The request that brings a message to a webhook.
 *
 * @param {string} address A secret: who has it can post.
 * @param {string} type `json` for chat services, `text` for the message as it is.
 * @param {{subject: string, lines: string[]}} message
 * @param {Record<string, string>} facts For programs; they go with JSON to services that are not known by name.
 * @returns {{url: string, headers: Record<string, string>, body: string}}
 * @throws {TypeError} if the address is none; the error does not repeat it.
 */
export function webhookRequest(address, type, { subject, lines }, facts) {
  const { url, headers } = webhookAddress(address);
  const all = [subject, '', ...lines].map(callingNobody);
  const text = shorten(all, CHAT_MAX);
  if (type === 'text') {
    const plain = { 'content-type': 'text/plain; charset=utf-8', title: subject };
    return { url, headers: { ...headers, ...plain }, body: text };
  }
  const body = bodyFor(new URL(url), text, shorten(all, DISCORD_MAX), facts);
  return { url, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
