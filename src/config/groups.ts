import { fieldName, type YamlDocument } from './document.ts';
import { normalizePackageName } from './package-name.ts';
import type { Problem } from './problems.ts';
import { DEFAULT_WINDOW_DAYS, type Tracked } from './schema.ts';
import { nearest } from './suggest.ts';

/** The longest window of each listed package, in days, by normalized name. */
function longestWindows(packages: Tracked['packages']): Map<string, number> {
  const longest = new Map<string, number>();
  for (const entry of packages) {
    const { name, window_days = DEFAULT_WINDOW_DAYS } = typeof entry === 'string' ? { name: entry } : entry;
    const key = normalizePackageName(name);
    longest.set(key, Math.max(longest.get(key) ?? 0, ...[window_days].flat()));
  }
  return longest;
}

/**
 * What is wrong with the groups of a tracked.yaml of the right shape: names that are taken, members that are not
 * listed, and windows for which a member has too few days.
 */
export function groupProblems({ packages, groups = [] }: Tracked, document: YamlDocument): Problem[] {
  const longest = longestWindows(packages);
  const names = new Set<string>();
  const problems: Problem[] = [];
  const refuse = (path: readonly PropertyKey[], text: string) =>
    problems.push({ ...document.position(path), field: fieldName(path), text });
  for (const [index, group] of groups.entries()) {
    const path = ['groups', index];
    const key = normalizePackageName(group.name);
    if (longest.has(key)) {
      refuse([...path, 'name'], `${group.name} is a package of the list; give the group another name`);
    }
    if (names.has(key)) refuse([...path, 'name'], `there is a group ${group.name} already`);
    names.add(key);
    const days = Math.max(...[group.window_days ?? DEFAULT_WINDOW_DAYS].flat());
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
