/** What to install, and which Python will do. */
export interface Packages {
  /** Of the cache folder. */
  readonly name: string;
  /** For people. */
  readonly label: string;
  /** Path of a requirements.txt that pins everything. */
  readonly requirements: string;
  /** Commands to try, in order. */
  readonly pythons: readonly string[];
  readonly accepts: (version: readonly number[]) => boolean;
  /** What it takes on the disk, for people. */
  readonly size: string;
  readonly finish?: (folder: string) => void;
}

export const CACHE: string;
export function installPackages(packages: Packages): string | undefined;
export function freePort(): Promise<string>;
