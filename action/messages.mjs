// What people see: annotations of the run, and the summary of the job. Pure.

function escapeData(text) {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text) {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/**
 * A line that GitHub shows as an annotation.
 *
 * @param level error, warning or notice.
 * @param properties title; or file, line and col.
 */
export function annotation(level, message, properties = {}) {
  const list = Object.entries(properties)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escapeProperty(String(value))}`);
  return `::${level}${list.length === 0 ? '' : ` ${list.join(',')}`}::${escapeData(message)}`;
}

/** Somebody else's line, so that the runner does not take it for a command. */
function plain(line) {
  return line.replace(/^(\s*)(::|##\[)/, '$1 | $2');
}

const LEVELS = { error: 'error', fatal: 'error', warn: 'warning' };

/** A line of the program's log (JSON) as what GitHub shows; any other line as it is. */
export function logLine(line) {
  let entry;
  try {
    entry = JSON.parse(line);
  } catch {
    return plain(line);
  }
  if (typeof entry?.msg !== 'string') return plain(line);
  const { level, msg, package: name, error_code: code, warning, report } = entry;
  const said = name === undefined || msg.includes(name) ? msg : `${name}: ${msg}`;
  const label = LEVELS[level];
  const text =
    label === undefined ? plain(said) : annotation(label, said, { title: title(name, code ?? warning) });
  return typeof report === 'string' ? `${text}\n${report.split('\n').map(plain).join('\n')}` : text;
}

function title(name, code) {
  const parts = ['pypi-badges', name, code].filter((part) => part !== undefined);
  return parts.join(' ');
}

/** What `check` says of a file, one problem a line, as annotations of its lines. */
export function problemLines(text, file) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const place = line.startsWith(`${file}:`) ? line.slice(file.length) : undefined;
      const [, row, col, what] = /^:(\d+):(\d+): ([\s\S]*)$/.exec(place ?? '') ?? [];
      if (row !== undefined) return annotation('error', what, { file, line: row, col });
      return place === undefined ? plain(line) : annotation('error', line, { file });
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
  if (entry.error !== undefined) {
    return [
      `| ${name} | ${entry.window_days}d | - | - | ${entry.counted_to ?? '-'} | failed (${entry.error_code}) |`,
    ];
  }
  return (entry.windows ?? []).map(({ window_days: days, count, excluded }) => {
    const all = Object.values(excluded).reduce((sum, each) => sum + each, count);
    return `| ${name} | ${days}d | ${number(count)} | ${number(all)} | ${entry.counted_to ?? '-'} | ok |`;
  });
}

/**
 * The summary of the job: figures, what needs attention, and the snippets to paste.
 *
 * @param health _health.json as a value.
 * @param snippets Markdown, one a line.
 * @param notes What the Action itself has to say.
 * @param published `{branch, url}` of what was published; undefined if nothing was.
 */
export function summary({ health, snippets, notes, published }) {
  const entries = Object.entries(health.packages);
  const attention = [
    ...notes,
    ...entries.flatMap(([name, { error, error_code: code, warnings = [] }]) => [
      ...(error === undefined ? [] : [`**${name}** failed (${code}): ${markdown(error)}`]),
      ...warnings.map((warning) => `**${name}** (${warning.code}): ${markdown(warning.message)}`),
    ]),
    ...(health.warnings ?? []).map(({ code, message }) => `(${code}): ${markdown(message)}`),
  ];
  const place =
    published === undefined
      ? 'Nothing was published.'
      : `Published to [${published.branch}](${published.url}).`;
  return [
    '## PyPI downloads by people',
    '',
    '| package | window | honest | all | counted to | state |',
    '| --- | ---: | ---: | ---: | --- | --- |',
    ...entries.flatMap(rows),
    '',
    `Counted from ${health.source}. ${place} A badge follows within some minutes: raw files and shields.io are cached.`,
    ...(attention.length === 0
      ? []
      : ['', '### Needs attention', '', ...attention.map((line) => `- ${line}`)]),
    ...(snippets === '' ? [] : ['', '### Paste into your README', '', '```markdown', snippets, '```']),
    '',
  ].join('\n');
}
