/** A valid package name: PEP 508's "Names", matched from end to end, letters in either case. */
export const PACKAGE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** Longest accepted name. A file system holds 255 bytes in a folder's name; PyPI's own longest is far below. */
export const PACKAGE_NAME_MAX = 200;

/**
 * The normalized form of a package name, by the formula of PEP 503. It is what `file.project` holds in
 * the table and what the badge folder is called; it never contains a dot, a slash or an upper-case letter.
 */
export function normalizePackageName(name: string): string {
  return name.replaceAll(/[-_.]+/g, '-').toLowerCase();
}
