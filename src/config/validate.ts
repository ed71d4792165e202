import type { z } from 'zod';
import { misplacedSecret } from '../errors/misplaced.ts';
import { fieldName, type YamlDocument } from './document.ts';
import { groupProblems } from './groups.ts';
import { normalizePackageName } from './package-name.ts';
import type { Problem } from './problems.ts';
import { DEFAULT_WINDOW_DAYS, type Tracked, trackedSchema } from './schema.ts';
import { nearest } from './suggest.ts';

type Issue = z.core.$ZodIssue;

/** Of a union's branches, the issues of the one that the writer had in mind: the one of the right type. */
function leaves(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.find(
    (branch) => !branch.some((inner) => inner.code === 'invalid_type' && inner.path.length === 0),
  );
  if (meant === undefined) return [issue];
  return meant.flatMap((inner) => leaves({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** The keys that the mapping at `path` may have. */
function allowedKeys(path: readonly PropertyKey[]): string[] {
  const { shape } = trackedSchema;
  if (path.length === 0) return Object.keys(shape);
  if (path[0] === 'service') return Object.keys(shape.service.shape);
  if (path[0] === 'bigquery') return Object.keys(shape.bigquery.unwrap().shape);
  if (path[0] === 'clickhouse') return Object.keys(shape.clickhouse.unwrap().shape);
  if (path[0] === 'duckdb') return Object.keys(shape.duckdb.unwrap().shape);
  if (path.at(-1) === 'badges') return Object.keys(shape.badges.unwrap().shape);
  if (path[0] === 'groups') return Object.keys(shape.groups.unwrap().element.shape);
  return Object.keys(shape.packages.element.options[1].shape);
}

function toProblems(issue: Issue, document: YamlDocument): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const allowed = allowedKeys(issue.path);
    return issue.keys.map((key) => {
      const meant = nearest(key, allowed);
      const hint = meant === undefined ? '.' : `; did you mean ${meant}?`;
      const secret = misplacedSecret(key);
      const what = secret === undefined ? 'unknown key' : `what looks like ${secret} stands here as a key`;
      return {
        ...document.keyPosition(issue.path, key),
        field: fieldName([...issue.path, key]),
        text: `${what}${hint} Allowed: ${allowed.join(', ')}`,
      };
    });
  }
  const found = document.found(issue.path);
  const what = found === undefined ? 'missing' : `found ${found}`;
  const field = fieldName(issue.path);
  return [
    {
      ...document.position(issue.path),
      ...(field === '' ? {} : { field }),
      text: `${what}; allowed: ${issue.message}`,
    },
  ];
}

/** Windows of an entry, in days; none if they are wrong, which is reported elsewhere. */
function windowsOf(entry: unknown): number[] {
  const days = typeof entry === 'string' ? undefined : (entry as { window_days?: unknown }).window_days;
  return [days ?? DEFAULT_WINDOW_DAYS].flat().filter((value): value is number => Number.isInteger(value));
}

/**
 * Windows of a package that are listed twice, under whatever spelling. (Different windows of one package may
 * stand in several entries: so lists for pypi-winnow-downloads are written.) Works on a list that is wrong
 * elsewhere, too.
 */
function duplicates(value: unknown, document: YamlDocument): Problem[] {
  const packages = (value as { packages?: unknown } | null | undefined)?.packages;
  if (!Array.isArray(packages)) return [];
  const firsts = new Map<string, { name: string; line: number }>();
  return packages.flatMap((entry: unknown, index) => {
    const name = typeof entry === 'string' ? entry : (entry as { name?: unknown } | null)?.name;
    if (typeof name !== 'string' || misplacedSecret(name) !== undefined) return [];
    const path = typeof entry === 'string' ? ['packages', index] : ['packages', index, 'name'];
    const position = document.position(path);
    // A list that holds a window twice is reported by itself.
    return [...new Set(windowsOf(entry))].flatMap((days) => {
      const key = `${normalizePackageName(name)} ${days}`;
      const first = firsts.get(key);
      if (first === undefined) {
        firsts.set(key, { name, line: position.line });
        return [];
      }
      const same = first.name === name ? '' : ` as ${first.name}, which is the same package`;
      return [
        {
          ...position,
          field: fieldName(path),
          text: `${name} with ${days} days is already listed at line ${first.line}${same}; list each window once`,
        },
      ];
    });
  });
}

/** A source that is chosen but not described. */
function sourceProblems({ service, duckdb }: Tracked, document: YamlDocument): Problem[] {
  if (service.source !== 'duckdb' || duckdb !== undefined) return [];
  const path = ['service', 'source'];
  const text = 'duckdb is chosen, but there is no section duckdb with files';
  return [{ ...document.position(path), field: fieldName(path), text }];
}

/** Checks what a YAML document holds against the shape of tracked.yaml; every problem is reported. */
export function validate(document: YamlDocument): { tracked?: Tracked; problems: Problem[] } {
  const result = trackedSchema.safeParse(document.value);
  const repeated = duplicates(document.value, document);
  if (!result.success) {
    const issues = result.error.issues.flatMap(leaves);
    return { problems: [...issues.flatMap((issue) => toProblems(issue, document)), ...repeated] };
  }
  const problems = [
    ...repeated,
    ...sourceProblems(result.data, document),
    ...groupProblems(result.data, document),
  ];
  return problems.length === 0 ? { tracked: result.data, problems } : { problems };
}
