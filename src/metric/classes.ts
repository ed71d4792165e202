import { ERAS } from '../days/eras.ts';

/*
 * Who counts and who does not: the lists of the metric, as docs/metric.md explains them. Names are compared
 * exactly, as the table holds them: `Pip` is somebody else's user agent.
 */

/**
 * Installers whose downloads count. The list fails closed: a new installer is left out until it is added
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

const MIRRORS = 'bandersnatch z3c.pypimirror Artifactory devpi Nexus pep381client';
const OTHERS = 'requests conda Bazel Homebrew setuptools distribute twine pex maturin OS';

/**
 * The class of every installer that PyPI's parser can name (github.com/pypi/linehaul-cloud-function, 273861b), and of pipenv
 * and pipx, which clients may write into the JSON of pip's user agent. Any other name is a stranger's text: it is folded
 * into OTHER_NAME before anything keeps it.
 */
const CLASSES: ReadonlyMap<string, Installer | Exclusion> = new Map([
  ...INSTALLERS.map((name) => [name, name] as const),
  ...MIRRORS.split(' ').map((name) => [name, 'mirror'] as const),
  ['Browser', 'browser'],
  ...OTHERS.split(' ').map((name) => [name, 'other'] as const),
]);

export const KNOWN_INSTALLERS: readonly string[] = [...CLASSES.keys()];

/** What every installer and system is called that is on no list. */
export const OTHER_NAME = '(other)';

const installers: ReadonlySet<string> = new Set(INSTALLERS);
const systems: ReadonlySet<string | null> = new Set(SYSTEMS);

/** A name as it is kept: one that is known, OTHER_NAME, or null where the client gave none. */
function fold(name: string | null, known: { has(name: string): boolean }): string | null {
  if (name === null || name === '') return null;
  return known.has(name) ? name : OTHER_NAME;
}

/** An installer's name as it is kept. */
export const foldInstaller = (name: string | null) => fold(name, CLASSES);

/** A system's name as it is kept. */
export const foldSystem = (name: string | null) => fold(name, systems);

/**
 * Most rows of a package's day, once names are folded: each installer, system (both with OTHER_NAME and null) and CI flag,
 * and one for files that are no distributions.
 */
export const ROWS_A_DAY = (KNOWN_INSTALLERS.length + 2) * (SYSTEMS.length + 2) * 3 + 1;

export const isInstaller = (name: string): name is Installer => installers.has(name);

export const isSystem = (name: string | null): name is System => systems.has(name);

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
  if (installer === null || installer === '') return 'unknown';
  return CLASSES.get(installer) ?? 'other';
}

/*
 * The metric in words, for the page and for the files beside the badges.
 */

const names = INSTALLERS.slice(0, -1).join(', ');

/** What a counted download is, in one sentence. */
export const METRIC_DEFINITION = `One download of one file counts when its CI flag is not set and its installer is ${names} or ${INSTALLERS.at(-1)}.`;

/** What the data cannot show, and therefore neither can any figure made from it. */
export const BLIND_SPOTS = [
  "pipenv runs pip; pipx runs pip or, from 1.12 on, uv: the data never names them, so their badges read 0 and their downloads are pip's and uv's.",
  'Only pip and uv send the CI flag; tox 4, docker build, notebooks and clusters do not pass it on, so their downloads count.',
  'pip and uv take the CI flag from the environment: what runs where CI is set does not count, and a build machine that sets nothing does.',
  `PyPI did not know uv before ${ERAS.uv}: earlier downloads by it are in no figure.`,
  'A client that fetches a file in parts (status 206) is recorded once for each part, and counts as often.',
  'pdm from 2.13 on is not known to PyPI, so its downloads are among the unknown clients.',
  'The systems count all downloads not marked as CI, whatever the installer, so their sum can be above or below the count.',
] as const;
