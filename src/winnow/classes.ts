/*
 * Who counts and who does not: the lists of the metric, as docs/metric.md explains them. Names are compared
 * exactly, as the table holds them: `Pip` is somebody else's user agent.
 */

/**
 * Installers that a person runs. The list fails closed: a new installer is left out until it is added
 * here.
 */
export const INSTALLERS = ['pip', 'pipenv', 'pipx', 'uv', 'poetry', 'pdm'] as const;
export type Installer = (typeof INSTALLERS)[number];

/** Installers that run pip, and pip itself: the badge `pip*`. */
export const PIP_FAMILY = ['pip', 'pipenv', 'pipx'] as const satisfies readonly Installer[];

/** Operating systems that have a badge, as `details.system.name` spells them. */
export const SYSTEMS = ['Linux', 'Darwin', 'Windows'] as const;
export type System = (typeof SYSTEMS)[number];

/** Why a download does not count, in the order in which the reasons are tried. */
export const EXCLUSIONS = ['sidecar', 'ci', 'mirror', 'browser', 'unknown', 'other'] as const;
export type Exclusion = (typeof EXCLUSIONS)[number];

/** Programs that copy the index. */
const MIRRORS: ReadonlySet<string> = new Set([
  'bandersnatch',
  'z3c.pypimirror',
  'Artifactory',
  'devpi',
  'Nexus',
  'pep381client',
]);

const installers: ReadonlySet<string> = new Set(INSTALLERS);
const systems: ReadonlySet<string> = new Set(SYSTEMS);

export function isInstaller(name: string | null): name is Installer {
  return name !== null && installers.has(name);
}

export function isSystem(name: string | null): name is System {
  return name !== null && systems.has(name);
}

/** What decides the class of a download. */
export interface Trait {
  /** Whether the file is none that can be installed, such as the metadata beside a wheel. */
  readonly sidecar: boolean;
  readonly ci: boolean | null;
  readonly installer: string | null;
}

/**
 * The one class that a download lands in: its installer if it counts, else the first reason that fits. A CI
 * flag of FALSE and one of NULL are alike: most installers never send FALSE.
 */
export function classify({ sidecar, ci, installer }: Trait): Installer | Exclusion {
  if (sidecar) return 'sidecar';
  if (ci === true) return 'ci';
  if (isInstaller(installer)) return installer;
  if (installer === null || installer === '') return 'unknown';
  if (MIRRORS.has(installer)) return 'mirror';
  return installer === 'Browser' ? 'browser' : 'other';
}
