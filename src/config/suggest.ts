import leven, { closestMatch } from 'leven';

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
