import leven, { closestMatch } from 'leven';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import { UsageError } from '../errors/error.ts';
import { misplacedSecret } from '../errors/misplaced.ts';
import { plural } from '../format.ts';

/** One thing that is wrong with a configuration file. */
export interface Problem {
  /** 1-based; absent when the fault has no place in the file, such as a file that cannot be read. */
  readonly line?: number;
  readonly column?: number;
  /** Dotted path of the field, such as `packages[1].window_days`; absent for faults of the YAML itself. */
  readonly field?: string;
  readonly text: string;
}

function renderProblem(file: string, problem: Problem): string {
  const place = problem.line === undefined ? file : `${file}:${problem.line}:${problem.column ?? 1}`;
  return [place, problem.field, problem.text].filter((part) => part !== undefined).join(': ');
}

/** A configuration that cannot be used, with every problem of the file in one report. */
export class ConfigError extends UsageError {
  override name = 'ConfigError';

  constructor(file: string, problems: readonly Problem[]) {
    const sorted = problems.toSorted(
      (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    );
    const count = `${plural(problems.length, 'problem')} in ${file}; nothing was queried or written`;
    super([...sorted.map((problem) => renderProblem(file, problem)), count].join('\n'), 'configuration');
  }
}

/**
 * The candidate that the writer probably meant, or undefined when none is near: at most a third of
 * the letters may differ (two for short words), which catches slips and not other words.
 */
export function nearest(written: string, candidates: Iterable<string>): string | undefined {
  const byLower = new Map([...candidates].map((candidate) => [candidate.toLowerCase(), candidate]));
  const maxDistance = Math.max(2, Math.floor(written.length / 3));
  const lower = closestMatch(written.toLowerCase(), [...byLower.keys()], { maxDistance });
  // A word of which no letter is right was not meant.
  if (lower === undefined || leven(written.toLowerCase(), lower) >= lower.length) return undefined;
  return byLower.get(lower);
}

/** Most aliases that one file may expand: far more than a list needs, far fewer than an alias bomb. */
const ALIASES_MAX = 100;

type Path = readonly PropertyKey[];

/** A YAML text with the value that it holds and the places where its parts stand. */
export type YamlDocument = ReturnType<typeof parseYaml>;

function pairOf(node: unknown, key: PropertyKey) {
  if (!isMap(node)) return undefined;
  return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
}

function child(document: Document, node: unknown, key: PropertyKey): unknown {
  const target = isAlias(node) ? node.resolve(document) : node;
  if (isSeq(target)) return target.items[Number(key)];
  return pairOf(target, key)?.value;
}

/** Every node on the way from the root to `path`, as far as the document goes. */
function nodesAlong(document: Document, path: Path): Node[] {
  const nodes: Node[] = isNode(document.contents) ? [document.contents] : [];
  for (const key of path) {
    const next = child(document, nodes.at(-1), key);
    if (!isNode(next)) break;
    nodes.push(next);
  }
  return nodes;
}

/** Where a node begins in the text; every node that was parsed from one has a range. */
function offsetOf(node: Node | undefined): number {
  return node?.range?.[0] ?? 0;
}

/** Whether a mapping is the content of a key file, which JSON makes of one that was pasted. */
function isKeyFile(node: Node): boolean {
  const isSecret = (key: unknown) =>
    isScalar(key) && /^(private_key|client_secret|refresh_token)$/.test(String(key.value));
  return isMap(node) && node.items.some(({ key }) => isSecret(key));
}

function describe(document: Document, node: Node): string {
  const target = isAlias(node) ? node.resolve(document) : node;
  if (isMap(target)) return 'a mapping';
  if (isSeq(target)) return target.items.length === 0 ? 'an empty list' : 'a list';
  const value = isScalar(target) ? target.value : null;
  if (value === null) return 'nothing (null)';
  if (typeof value !== 'string') return (isScalar(target) && target.source) || String(value);
  const secret = misplacedSecret(value);
  if (secret !== undefined) return `what looks like ${secret}, which is not repeated here`;
  const quoted = JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  return /^(true|false|null|[-+.\d][\d.e+-]*)$/i.test(value) ? `the text ${quoted}` : quoted;
}

/** A name out of the file, unless a secret stands in its place. */
function shown(name: string): string {
  return misplacedSecret(name) === undefined ? name : '(not repeated here)';
}

/** A place as messages name it, such as `packages[1].window_days`. */
function fieldName(path: Path): string {
  return path.reduce<string>((name, key) => {
    if (typeof key === 'number') return `${name}[${key}]`;
    const word = shown(String(key));
    return name === '' ? word : `${name}.${word}`;
  }, '');
}

/** How messages of the parser begin that go on with a piece of the file, which may be a piece of a secret. */
const QUOTING = [
  'Unresolved tag',
  'Could not resolve tag',
  'Not a valid tag',
  'Not a YAML token',
  'Block scalar header includes extra characters',
  'Unresolved alias',
  'Invalid escape sequence',
  'Unknown directive',
  'Unsupported YAML version',
  'Anchor must not contain whitespace or control characters',
  "Verbatim tags aren't resolved",
];

/** What the parser says, without quoting the file: the line and the column lead there. */
function withoutQuotation(message: string): string {
  if (/^The \S+ tag has no suffix/.test(message)) return 'The tag has no suffix';
  const known = QUOTING.find((beginning) => message.startsWith(beginning));
  return known ?? message.replace(/ in YAML stream: .*$/s, '');
}

/** What YAML allows and no list can mean: keys that are no words, and aliases of nothing. */
function meaningless(document: Document): [offset: number, text: string][] {
  const found: [offset: number, text: string][] = [];
  const anchors = new Set<string>();
  visit(document, (_, node) => {
    if (isPair(node) && isNode(node.key) && !isScalar(node.key)) {
      found.push([offsetOf(node.key), 'a key must be a word']);
    }
    if (isAlias(node) && !anchors.has(node.source)) {
      const what = `this alias has no anchor &${shown(node.source)} before it`;
      found.push([offsetOf(node), `${what}; a value that begins with * needs quotes`]);
    }
    if (isNode(node) && !isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor);
  });
  return found;
}

/**
 * Parses one YAML 1.2 document, keeping positions.
 *
 * @throws ConfigError with duplicate keys, several documents, unknown tags, keys that are no words, and more than a hundred
 * aliases; nothing else for any text.
 */
export function parseYaml(text: string, file: string) {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems: Problem[] = [...document.errors, ...document.warnings].map((error) => ({
    ...at(error.pos[0]),
    text:
      error.code === 'MULTIPLE_DOCS'
        ? 'the file holds several YAML documents; keep one (a line of --- begins another)'
        : withoutQuotation(error.message),
  }));
  problems.push(...meaningless(document).map(([offset, what]) => ({ ...at(offset), text: what })));
  if (problems.length > 0) throw new ConfigError(file, problems);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    throw new ConfigError(file, [{ ...at(0), text: withoutQuotation((error as ReferenceError).message) }]);
  }
  const position = (path: Path) => at(offsetOf(nodesAlong(document, path).at(-1)));
  return {
    value,
    /** Line and column (1-based) of the value at `path`, or of the nearest enclosing one that exists. */
    position,
    /** What is wrong with the value at `path`. */
    problem: (path: Path, text: string): Problem => ({
      ...position(path),
      ...(path.length === 0 ? {} : { field: fieldName(path) }),
      text,
    }),
    /** That the mapping at `path` has a key that none of the allowed is, which are separated by commas. */
    unknownKey(path: Path, key: string, allowed: string): Problem {
      const last = nodesAlong(document, path).at(-1);
      const written = pairOf(isAlias(last) ? last.resolve(document) : last, key)?.key;
      const meant = nearest(key, allowed.split(', '));
      const hint = meant === undefined ? '.' : `; did you mean ${meant}?`;
      const secret = misplacedSecret(key);
      const what = secret === undefined ? 'unknown key' : `what looks like ${secret} stands here as a key`;
      return {
        ...at(offsetOf(isNode(written) ? written : last)),
        field: fieldName([...path, key]),
        text: `${what}${hint} Allowed: ${allowed}`,
      };
    },
    /** What the file says at `path`, short enough for a message, or undefined where there is nothing. */
    found(path: Path): string | undefined {
      const nodes = nodesAlong(document, path);
      const node = nodes.at(-1);
      if (nodes.some(isKeyFile)) return 'a part of a key file, which is not repeated here';
      return node !== undefined && nodes.length === path.length + 1 ? describe(document, node) : undefined;
    },
  };
}
