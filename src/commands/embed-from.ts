import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { BADGES, badgeStem, CATALOGUE, isWanted } from '../badges/catalogue.ts';
import { type ForeignBadge, foreignBadges } from '../badges/foreign.ts';
import { altText, type Picture, pictureUrl } from '../badges/snippet.ts';
import { type Config, readText, type TrackedPackage } from '../config/config.ts';
import { normalizePackageName } from '../config/schema.ts';
import { replaceFile } from '../disk/files.ts';
import { UsageError } from '../errors/error.ts';
import { formatNumber, plural } from '../format.ts';
import { sourceName } from '../sources/index.ts';
import type { Context } from './context.ts';

/** The badge that says of a package what another said, or comes closest: of the same days, else of its first window. */
function replacementOf({ stem, windowDays }: ForeignBadge, tracked: TrackedPackage) {
  const { name, title, windows, looks } = tracked;
  const days = windows.find((each) => each === windowDays) ?? windows[0];
  const made = BADGES.filter((kind) => isWanted(kind, looks));
  const same = made.find((kind) => stem !== undefined && badgeStem(kind, windowDays) === stem);
  const total = made.find((kind) => kind.windowless && kind.size === undefined);
  const kind = same ?? (windowDays === undefined ? total : undefined) ?? CATALOGUE[0];
  return { package: name, title, kind, windowDays: kind.windowless ? undefined : days };
}

/**
 * `embed --from`: finds badges of others in a README, and prints each with ours and what both count.
 *
 * @param name Path of the README as it was given.
 * @param write Whether the addresses are replaced in it, all in one step; links and alternative texts stay.
 * @throws UsageError if it cannot be read; OperatorError if the disk refuses.
 */
export async function embedFrom(
  name: string,
  write: boolean,
  { packages, groups, source }: Config,
  publicUrl: string,
  picture: Picture,
  { cwd, stdout }: Context,
): Promise<number> {
  const path = resolve(cwd, name);
  const text = readText(path, (why) => new UsageError(`--from ${name}: ${why}`));
  const { shortName } = sourceName(source.kind);
  let [written, end, found, replaced] = ['', 0, 0, 0];
  for (const badge of foreignBadges(text)) {
    const known = normalizePackageName(badge.package);
    const tracked = [...packages, ...groups].find((each) => each.name === known);
    const own = tracked && { ...replacementOf(badge, tracked), sourceName: shortName };
    // Ours already, whatever it looks like.
    if (own && badge.file === `${publicUrl}/${own.package}/${badgeStem(own.kind, own.windowDays)}.json`)
      continue;
    found += 1;
    const line = text.slice(0, badge.index).split('\n').length;
    const was = `${name}:${line}: ${badge.url}\n  counts ${badge.meaning}\n`;
    if (own === undefined) {
      stdout.write(`${was}  ${badge.package} is not in tracked.yaml, so nothing replaces it\n\n`);
      continue;
    }
    const url = pictureUrl(own, publicUrl, picture);
    const [first = '', ...rest] = altText(own);
    stdout.write(`${was}replaced by\n  ${url}\n  counts ${first.toLowerCase()}${rest.join('')}\n\n`);
    written += text.slice(end, badge.index) + url;
    end = badge.index + badge.url.length;
    replaced += 1;
  }
  const what = `${plural(replaced, 'badge')} of ${formatNumber(found)}`;
  if (write && replaced > 0) {
    const file = realpathSync(path);
    await replaceFile(file, written + text.slice(end), true, statSync(file).mode);
  }
  const hint = replaced === 0 || write ? '' : '; nothing was written: add --write';
  stdout.write(`${what} ${write ? 'replaced' : 'to replace'} in ${name}${hint}\n`);
  return 0;
}
