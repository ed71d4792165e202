/*
 * How an operator wants badges to look. Every text is checked when tracked.yaml is read.
 */

/** Styles that both shields.io and its library draw. */
export const STYLES = ['flat', 'flat-square', 'plastic', 'for-the-badge', 'social'] as const;
export type Style = (typeof STYLES)[number];

/** Badges that are made only where they are asked for. */
export const EXTRAS = ['trend', 'sparkline', 'total', 'chart'] as const;
export type Extra = (typeof EXTRAS)[number] | PythonExtra;

/** The share of downloads by a minor version of Python and later ones, such as `python>=3.10`. */
export type PythonExtra = `python>=${string}`;

export function isPython(extra: Extra): extra is PythonExtra {
  return extra.startsWith('python>=');
}

/** What may differ from the badges as they are by default, as tracked.yaml has it. */
export type { TrackedBadges as Looks } from './schema.ts';
