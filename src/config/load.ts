import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { misplacedSecret } from '../errors/misplaced.ts';
import type { SourceConfig } from '../sources/index.ts';
import { type Config, entryOf, exposedPaths, resolveConfig, resolveSource } from './config.ts';
import { ConfigError, fieldName, type Problem, parseYaml, type YamlDocument } from './document.ts';
import { normalizePackageName } from './package-name.ts';
import { DEFAULT_WINDOW_DAYS, neededKeys, type Tracked, trackedSchema } from './schema.ts';
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

/** The mapping that a part of the schema is, wraps, is a list of, or has among its choices. */
function mappingIn(schema: unknown): z.ZodObject | undefined {
  if (schema instanceof z.ZodObject) return schema;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return mappingIn(schema.unwrap());
  if (schema instanceof z.ZodArray) return mappingIn(schema.element);
  if (!(schema instanceof z.ZodUnion)) return undefined;
  return schema.options.map(mappingIn).find((option) => option !== undefined);
}

/** The keys that the mapping at `path` may have. */
function allowedKeys(path: readonly PropertyKey[]): string[] {
  const names = path.filter((key) => typeof key === 'string');
  const mapping = names.reduce<z.ZodObject | undefined>(
    (schema, name) => mappingIn(schema?.shape[name]),
    trackedSchema,
  );
  return Object.keys(mapping?.shape ?? {});
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
  return [document.problem(issue.path, `${what}; allowed: ${issue.message}`)];
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
function duplicates(document: YamlDocument): Problem[] {
  const packages = (document.value as { packages?: unknown } | null | undefined)?.packages;
  if (!Array.isArray(packages)) return [];
  const firsts = new Map<string, { name: string; line: number }>();
  return packages.flatMap((entry: unknown, index) => {
    const name = typeof entry === 'string' ? entry : (entry as { name?: unknown } | null)?.name;
    if (typeof name !== 'string' || misplacedSecret(name) !== undefined) return [];
    const path = typeof entry === 'string' ? ['packages', index] : ['packages', index, 'name'];
    // A list that holds a window twice is reported by itself.
    return [...new Set(windowsOf(entry))].flatMap((days) => {
      const key = `${normalizePackageName(name)} ${days}`;
      const first = firsts.get(key);
      if (first === undefined) {
        firsts.set(key, { name, line: document.position(path).line });
        return [];
      }
      const same = first.name === name ? '' : ` as ${first.name}, which is the same package`;
      const text = `${name} with ${days} days is already listed at line ${first.line}${same}; list each window once`;
      return [document.problem(path, text)];
    });
  });
}

/** A source that is chosen, has no section, and cannot do without. */
function sourceProblems(tracked: Tracked, document: YamlDocument): Problem[] {
  const { source } = tracked.service;
  if (tracked[source] !== undefined) return [];
  const needed = neededKeys(source);
  const text = `${source} is chosen, but there is no section ${source} with ${needed.join(' and ')}`;
  return needed.length === 0 ? [] : [document.problem(['service', 'source'], text)];
}

/**
 * What is wrong with groups of the right shape: names that are taken, members that are not listed, and windows for
 * which a member has too few days.
 */
function groupProblems({ packages, groups = [] }: Tracked, document: YamlDocument): Problem[] {
  const longest = new Map<string, number>();
  for (const { name, window_days } of packages.map(entryOf)) {
    const key = normalizePackageName(name);
    longest.set(key, Math.max(longest.get(key) ?? 0, ...[window_days].flat()));
  }
  const names = new Set<string>();
  const problems: Problem[] = [];
  const refuse = (path: readonly PropertyKey[], text: string) => problems.push(document.problem(path, text));
  for (const [index, group] of groups.entries()) {
    const path = ['groups', index];
    const key = normalizePackageName(group.name);
    if (longest.has(key)) {
      refuse([...path, 'name'], `${group.name} is a package of the list; give the group another name`);
    }
    if (names.has(key)) refuse([...path, 'name'], `there is a group ${group.name} already`);
    names.add(key);
    const days = Math.max(...[group.window_days].flat());
    const members = new Set<string>();
    for (const [place, name] of group.packages.entries()) {
      const at = [...path, 'packages', place];
      const member = normalizePackageName(name);
      const known = longest.get(member);
      if (known === undefined) {
        const meant = nearest(member, longest.keys());
        const hint = meant === undefined ? 'list it under packages, too' : `did you mean ${meant}?`;
        refuse(at, `${name} is not a package of the list; ${hint}`);
      } else if (members.has(member)) {
        refuse(at, `${name} is in the group already, and would be counted twice`);
      } else if (known < days) {
        refuse(
          at,
          `${name} is read for ${known} days only, and the group asks for ${days}; give it window_days of ${days}, too, or the group a shorter one`,
        );
      }
      members.add(member);
    }
  }
  return problems;
}

/** @throws ConfigError with every problem of the text. */
function validate(text: string, file: string): { document: YamlDocument; tracked: Tracked } {
  const document = parseYaml(text);
  if (document.problems.length > 0) throw new ConfigError(file, document.problems);
  const { success, data: tracked, error } = trackedSchema.safeParse(document.value);
  const problems = [
    ...duplicates(document),
    ...(success
      ? [...sourceProblems(tracked, document), ...groupProblems(tracked, document)]
      : error.issues.flatMap(leaves).flatMap((issue) => toProblems(issue, document))),
  ];
  if (!success || problems.length > 0) throw new ConfigError(file, problems);
  return { document, tracked };
}

function readText(file: string, cwd: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(resolve(cwd, file));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reasons: Record<string, string> = {
      ENOENT: 'there is no such file; name the right one with --config <file>',
      EACCES: 'you may not read this file; give the user that runs the collector read permission',
      EISDIR: 'this is a folder; name the tracked.yaml in it with --config <file>',
    };
    throw new ConfigError(file, [{ text: reasons[code ?? ''] ?? `cannot be read (${code})` }]);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(file, [{ text: 'the file is not UTF-8 text; save it as UTF-8' }]);
  }
}

/**
 * Turns the text of a tracked.yaml into a Config.
 *
 * @param file Its path as the user named it, for messages and as the base of relative paths.
 * @param cwd Absolute path that `file` is relative to.
 * @throws ConfigError with every problem of the text.
 */
export function parseConfig(text: string, file: string, cwd: string): Config {
  const { document, tracked } = validate(text, file);
  const config = resolveConfig(tracked, file, cwd);
  const exposed = exposedPaths(config, document);
  if (exposed.length > 0) throw new ConfigError(file, exposed);
  return config;
}

/**
 * Reads and checks a tracked.yaml.
 *
 * @throws ConfigError if it cannot be read or is wrong in any way.
 */
export function loadConfig(file: string, cwd: string): Config {
  return parseConfig(readText(file, cwd), file, cwd);
}

/**
 * A source as a tracked.yaml describes it, whether or not it is the one that it chooses; with its defaults where
 * there is no such file.
 *
 * @throws ConfigError if the file is wrong in any way, or does not describe a source that has no defaults.
 */
export function loadSource(kind: SourceConfig['kind'], file: string, cwd: string): SourceConfig {
  const tracked = existsSync(resolve(cwd, file)) ? validate(readText(file, cwd), file).tracked : undefined;
  return resolveSource(kind, tracked, file, cwd);
}
