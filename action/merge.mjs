// Two runs that began with the same commit: what the other published, with this run's work on top.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mergeLedgers, mergeSpend } from '../dist/merge.js';
import { STATE } from './branch.mjs';

export const MEMORY = `${STATE}/_health.json`;

/** What each package was when it was last tried, by either. */
function mergeMemory({ ours, theirs }) {
  const [own, other] = [JSON.parse(ours), JSON.parse(theirs)];
  const packages = { ...other.packages };
  for (const [name, entry] of Object.entries(own.packages)) {
    const before = packages[name]?.attempted ?? '';
    if ((entry.attempted ?? '') >= before) packages[name] = entry;
  }
  return `${JSON.stringify({ ...own, packages }, null, 2)}\n`;
}

/** How a file that both runs have changed is merged; undefined: ours is taken, and drawn again by the next run. */
function mergerOf(path) {
  if (path.startsWith(`${STATE}/ledger/`) && path.endsWith('.json')) return mergeLedgers;
  if (/^spend(\.backup)?\.json$/.test(path.slice(STATE.length + 1))) return mergeSpend;
  return path === MEMORY ? mergeMemory : undefined;
}

/**
 * Lays out what the other run published, with this run's work on top.
 *
 * @param branch As branch.mjs opens it.
 * @param trees base: the commit that both began with, or undefined; ours: this run's tree; theirs: the other's
 * commit, or undefined if the branch is gone.
 */
export async function layOutMerged(branch, { base, ours, theirs }, places) {
  await branch.layOut(theirs, places);
  const [mine, its] = [await branch.changed(base, ours), new Set(await branch.changed(base, theirs))];
  for (const path of mine) {
    const target = path.startsWith(`${STATE}/`)
      ? join(places.stateDir, path.slice(STATE.length + 1))
      : join(places.outputDir, path);
    const content = await branch.read(ours, path);
    const other = its.has(path) ? await branch.read(theirs, path) : undefined;
    const merge = content === undefined || other === undefined ? undefined : mergerOf(path);
    if (merge !== undefined) {
      const before = (await branch.read(base, path))?.toString();
      writeFileSync(target, merge({ base: before, ours: content.toString(), theirs: other.toString() }));
    } else if (content !== undefined) {
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, content);
    } else if (other === undefined) {
      rmSync(target, { force: true });
    }
  }
}
