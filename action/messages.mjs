// What people see: annotations of the run, and the summary of the job. Pure.
import { grouped } from '../deploy/systemd/failure-message.mjs';

/**
 * A text in which the runner finds no command: it reads `##[command]` anywhere in a line, and `::command::` at its
 * beginning, whatever blanks are before it.
 */
function withoutCommands(text) {
  return text.replaceAll('##[', '## [').replaceAll(/^([\s\x85]*)::/gm, '$1 | ::');
}

function escapeData(text) {
  return withoutCommands(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text) {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/**
 * What the runner is to print, so that it obeys nothing but our own annotations. Everything that the Action prints
 * passes here.
 *
 * @param entry A text; or an annotation, whose level is error, warning or notice, with properties as GitHub names them
 * (title, file, line, col), of which undefined ones are left out.
 */
export function render(entry) {
  if (typeof entry === 'string') return withoutCommands(entry);
  const { level, message, ...properties } = entry;
  const list = Object.entries(properties)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escapeProperty(String(value))}`);
  return `::${level}${list.length === 0 ? '' : ` ${list.join(',')}`}::${escapeData(message)}`;
}

const LEVELS = new Map([
  ['error', 'error'],
  ['fatal', 'error'],
  ['warn', 'warning'],
]);

/** What to print of a line of the program's log (JSON); any other line as it is. */
export function logLine(line) {
  let entry;
  try {
    entry = JSON.parse(line);
  } catch {
    return [line];
  }
  if (typeof entry?.msg !== 'string') return [line];
  const { msg, package: name, error_code: code, warning, report } = entry;
  const said = name === undefined || msg.includes(name) ? msg : `${name}: ${msg}`;
  const level = LEVELS.get(entry.level);
  const title = ['pypi-badges', name, code ?? warning].filter((part) => part !== undefined).join(' ');
  return [
    level === undefined ? said : { level, message: said, title },
    ...(typeof report === 'string' ? [report] : []),
  ];
}

/** What to print of `check`'s words about a file, one problem a line: annotations of its lines. */
export function problemLines(text, file) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      if (!line.startsWith(`${file}:`)) return line;
      const [, row, col, what] = /^:(\d+):(\d+): ([\s\S]*)$/.exec(line.slice(file.length)) ?? [];
      const place = row === undefined ? { message: line } : { message: what, line: row, col };
      return { level: 'error', file, ...place };
    });
}

/** How a field of the run's own tracked.yaml is called where an input has set it. */
const INPUTS = [
  [/^packages(\[\d+\])?/, 'input packages'],
  [/^service\.source/, 'input source'],
  [/^service\.public_url/, 'input public-url'],
];

/** What to print of `check`'s words about a file that the inputs made: nobody has seen its lines. */
export function inputProblems(text, file) {
  return problemLines(text, file).map((entry) => {
    if (typeof entry === 'string') return entry.replace(` in ${file};`, ' in the inputs;');
    const message = INPUTS.reduce((rest, [field, name]) => rest.replace(field, name), entry.message);
    return { level: 'error', message: message.replaceAll(/ at line \d+/g, '') };
  });
}

const number = (count) => count.toLocaleString('en-US');

/** Text of somebody else in a table's cell or a list. */
function markdown(text) {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/[\\|`*_[\]~]/g, (character) => `\\${character}`)
    .replaceAll(/\s+/g, ' ');
}

function rows([name, entry]) {
  const failed = entry.error === undefined ? [] : (entry.held_back ?? [entry.window_days]);
  const published = (entry.windows ?? []).map(({ window_days: days, count, excluded }) => {
    const all = Object.values(excluded).reduce((sum, each) => sum + each, count);
    return `| ${name} | ${days}d | ${number(count)} | ${number(all)} | ${entry.counted_to ?? '-'} | ok |`;
  });
  return [
    ...published,
    ...failed.map(
      (days) => `| ${name} | ${days}d | - | - | ${entry.counted_to ?? '-'} | failed (${entry.error_code}) |`,
    ),
  ];
}

/** Bytes of a summary's parts. GitHub drops one of more than 1 MiB as a whole. */
const ROOM = { table: 300_000, attention: 300_000, snippets: 300_000 };

/** The lines that there is room for, and how many there are beyond them. */
function fitting(lines, room) {
  let left = room;
  const at = lines.findIndex((line) => {
    left -= Buffer.byteLength(line) + 1;
    return left < 0;
  });
  return at < 0 ? [lines, 0] : [lines.slice(0, at), lines.length - at];
}

/** What to say of lines that are left out: nothing if there are none. */
const moreOf = (count, what, where) =>
  count === 0 ? [] : ['', `${number(count)} more ${what} left out here, for want of room; ${where}.`];

/**
 * The summary of the job: figures, what needs attention, and the snippets to paste. It stays below GitHub's limit of
 * 1 MiB: what is alike for several packages is said once, and what does not fit is left out and counted.
 *
 * @param health _health.json as a value.
 * @param snippets Markdown, one a line.
 * @param notes What the Action itself has to say.
 * @param published `{branch, url}` of what was published.
 */
export function summary({ health, snippets, notes, published }) {
  const entries = Object.entries(health.packages);
  const failures = entries.flatMap(([name, { error, error_code: code }]) =>
    error === undefined ? [] : [[name, `failed (${code}): ${markdown(error)}`]],
  );
  const warnings = entries.flatMap(([name, { warnings: list = [] }]) =>
    list.map(({ code, message }) => [name, `(${code}): ${markdown(message)}`]),
  );
  const attention = [
    ...notes.map(markdown),
    ...[...grouped(failures), ...grouped(warnings)].map(([who, sentence]) => `**${who}** ${sentence}`),
    ...(health.warnings ?? []).map(({ code, message }) => `(${code}): ${markdown(message)}`),
  ];
  const [table, moreRows] = fitting(entries.flatMap(rows), ROOM.table);
  const [remarks, moreRemarks] = fitting(
    attention.map((line) => `- ${line}`),
    ROOM.attention,
  );
  const [pasted, moreSnippets] = fitting(snippets === '' ? [] : snippets.split('\n'), ROOM.snippets);
  return [
    '## Non-CI PyPI downloads',
    '',
    '| package | window | non-CI | all | counted to | state |',
    '| --- | ---: | ---: | ---: | --- | --- |',
    ...table,
    ...moreOf(moreRows, 'rows are', 'the branch has all badges'),
    '',
    `Counted from ${health.source}. Published to [${published.branch}](${published.url}). A badge follows within some minutes: raw files and shields.io are cached.`,
    ...(remarks.length === 0 ? [] : ['', '### Needs attention', '', ...remarks]),
    ...moreOf(moreRemarks, 'of these are', 'the log has them'),
    ...(pasted.length === 0 ? [] : ['', '### Paste into your README', '', '```markdown', ...pasted, '```']),
    ...moreOf(moreSnippets, 'snippets are', 'the output snippets has them'),
    '',
  ].join('\n');
}
