import cssColors from 'color-name';
import { SaxesParser } from 'saxes';
import { z } from 'zod';
import { PYTHON } from '../metric/facets.ts';
import { mapping, matching, path, text, webAddress, wholeNumber } from '../sources/fields.ts';
import { kindOf, SOURCE_CHOICE, SOURCE_KINDS, SOURCES } from '../sources/index.ts';
import { camelKeys, type NonEmpty, recordOf } from '../util.ts';
import { EXTRAS, STYLES } from './looks.ts';

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

/** Longest window, in days. The ledger keeps days for a year. */
export const WINDOW_DAYS_MAX = 365;

/** Window of an entry that names none, in days. */
export const DEFAULT_WINDOW_DAYS = 30;

const WINDOW = `a whole number of days from 1 to ${WINDOW_DAYS_MAX}, or a list of different ones`;
const NAME = `a package name: letters, digits, '.', '_' and '-', beginning and ending with a letter or digit, at most ${PACKAGE_NAME_MAX} characters`;

const windowDays = wholeNumber(WINDOW, 1, WINDOW_DAYS_MAX);

const shortText = (error: string, max: number) => text(error).min(1, { error }).max(max, { error });

/** A list of at least so many. */
const listOf = <T extends z.ZodType>(item: T, error: string, least = 1) =>
  z.array(item, { error }).min(least, { error });

/** YAML takes 2048 for a number, and null or true for what they are elsewhere. */
const nameError = ({ input }: { readonly input: unknown }) =>
  typeof input === 'number' || typeof input === 'boolean' ? `${NAME}; put it in quotes` : NAME;

const writtenName = text(nameError)
  .regex(PACKAGE_NAME, { error: NAME })
  .max(PACKAGE_NAME_MAX, { error: NAME });

/** A name in any spelling, normalized. */
export const packageName = writtenName.transform(normalizePackageName);

const COLOR =
  "a colour of shields.io, such as blue or brightgreen, or a hexadecimal one in quotes, such as '#4c1'";
/** All that CSS names, and what shields.io has besides (badge-maker, lib/color.js). */
const COLOR_NAMES = [
  ...['brightgreen', 'success', 'important', 'critical', 'informational', 'inactive'],
  ...Object.keys(cssColors),
];
const color = z
  .string({ error: COLOR })
  .regex(new RegExp(`^(?:${COLOR_NAMES.join('|')}|#?[0-9A-Fa-f]{3}(?:[0-9A-Fa-f]{3})?)$`), {
    error: COLOR,
  });
const STEPS = `${COLOR}; or a mapping of counts to colours, such as {0: lightgrey, 100: yellow, 1000: green}`;
const LOGO =
  'a name of simpleicons.org, such as python, or a whole SVG as data:image/svg+xml;base64,... of at most 20,000 characters';
const LOGO_COLOR = 'no colour beside an SVG, as only a logo by its name can be coloured';

/** Where an SVG stands in a data: address. */
const DATA = 'data:image/svg+xml;base64,';

/** @throws TypeError if it is not UTF-8. */
function svgIn(address: string): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(address.slice(DATA.length), 'base64'));
}

/** Whether a logo is a name, or an address that holds one element `svg` of well-formed XML. */
function isLogo(logo: string): boolean {
  if (!logo.startsWith(DATA)) return true;
  const parser = new SaxesParser({ xmlns: true });
  let root: string | undefined;
  parser.on('opentag', ({ local }) => {
    root ??= local;
  });
  try {
    parser.write(svgIn(logo)).close();
  } catch {
    return false;
  }
  return root === 'svg';
}
const EXTRA = `a list of ${EXTRAS.join(', ')} and shares of Pythons such as python>=3.10`;

/** What may have been meant by a share of Pythons that is written otherwise. */
function extraError({ input }: { readonly input: unknown }): string {
  const [, least] = new RegExp(`^python[\\s>=~-]*(${PYTHON})`, 'i').exec(String(input)) ?? [];
  return least === undefined ? EXTRA : `${EXTRA}; did you mean python>=${least}?`;
}

const pythonExtra = z.templateLiteral(['python>=', z.string().regex(new RegExp(`^${PYTHON}$`))], {
  error: extraError,
});

const saidOfBadges = mapping('a mapping', {
  label: shortText('a text of 1 to 60 characters', 60)
    .optional()
    .describe('Label of the first badge (downloads); the window stays behind it.'),
  color: z
    .union(
      [color, z.record(z.string().regex(/^(?:0|[1-9]\d{0,11})$/, { error: STEPS }), color, { error: STEPS })],
      { error: STEPS },
    )
    .optional()
    .describe('Colour of the figure, or colours from a count on. Default blue, below 10 lightgrey.'),
  label_color: color.optional().describe('Colour of the label.'),
  style: z
    .enum(STYLES, { error: `one of ${STYLES.join(', ')}` })
    .optional()
    .describe('Style of shields.io. Default flat.'),
  logo: z
    .string({ error: LOGO })
    .max(20_000, { error: LOGO })
    .regex(/^(?:[a-z0-9][a-z0-9.-]{0,59}|data:image\/svg\+xml;base64,[A-Za-z0-9+/]+={0,2})$/, {
      error: LOGO,
    })
    .refine(isLogo, { error: LOGO })
    .optional()
    .describe(
      'A logo by its name on simpleicons.org (drawn by shields.io only), or an SVG as a data: address.',
    ),
  logo_color: color.optional().describe('Colour of a logo that is named.'),
  cache_seconds: wholeNumber('a whole number of seconds from 300 to 86400', 300, 86_400)
    .optional()
    .describe('How long shields.io may keep a badge.'),
  suffix: shortText("a text of 1 to 20 characters, such as '/month'", 20)
    .optional()
    .describe('Behind the figure.'),
  dark: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe('Whether our own SVGs have a lighter label on dark pages. Default false.'),
  extra: z
    .array(z.union([z.enum(EXTRAS, { error: extraError }), pythonExtra], { error: extraError }), {
      error: EXTRA,
    })
    .optional()
    .describe(
      'Further badges: the change against the window before, a small line of the days, the total since the first day that is known, a chart of the days, and the share of a minor version of Python and later ones (python>=3.10).',
    ),
});

/**
 * What is said of badges as looks; keys that are absent change nothing. A colour is that of the right half, as shields.io names
 * it, or several by steps from the lowest. A logo is a name of simpleicons.org, which shields.io draws, or a whole SVG.
 */
function looksOf({ color, logo, ...said }: z.output<typeof saidOfBadges>) {
  const steps = (byCount: object) =>
    Object.entries(byCount)
      .map(([from, name]) => ({ from: Number(from), color: name }))
      .toSorted((a, b) => a.from - b.from);
  return {
    ...camelKeys(said),
    ...(color && { color: typeof color === 'string' ? color : steps(color) }),
    ...(logo && { logo: logo.startsWith(DATA) ? { svg: svgIn(logo) } : { name: logo } }),
  };
}

const badges = saidOfBadges
  .refine(({ logo, logo_color }) => !(logo?.startsWith(DATA) && logo_color), {
    error: LOGO_COLOR,
    path: ['logo_color'],
  })
  .transform(looksOf);

const windows = z
  .union(
    [
      windowDays,
      listOf(windowDays, WINDOW)
        .refine((days) => new Set(days).size === days.length, { error: WINDOW })
        .meta({ uniqueItems: true }),
    ],
    { error: WINDOW },
  )
  .default(DEFAULT_WINDOW_DAYS)
  .describe(
    'Days that the badge covers, up to yesterday. Default 30. A list makes one set of badges for each.',
  )
  .transform((days) => [days].flat() as unknown as NonEmpty<number>);

/** An entry of the list; where a name is all, the rest has defaults. */
const packageEntry = z.union(
  [
    packageName.transform((name) => ({ name, windows: [DEFAULT_WINDOW_DAYS] as const, looks: {} })),
    mapping('a package name, or a mapping with name and window_days', {
      name: packageName.describe('The name on PyPI, in any spelling that pip accepts.'),
      window_days: windows,
      badges: badges.optional().describe('Looks of the badges of this package, over those of all.'),
    }).transform(({ name, window_days, badges: looks = {} }) => ({ name, windows: window_days, looks })),
  ],
  { error: nameError },
);

const TITLE = 'a text of 1 to 60 characters on one line';
const MEMBERS = 'a list with at least one name of packages';

const group = mapping('a mapping with name and packages', {
  name: writtenName.describe('Names the folder of the group; no package of the list has it.'),
  title: matching(TITLE, /^(?!\s)[^\p{Cc}\p{Zl}\p{Zp}]{1,60}$/u)
    .optional()
    .describe('What the page and the pictures call the group. Default: its name.'),
  packages: listOf(packageName, MEMBERS)
    .describe('Names of packages of the list, whose downloads are added up.')
    .transform((names) => names as unknown as NonEmpty<string>),
  window_days: windows,
  badges: badges.optional().describe('Looks of the badges of this group, over those of all.'),
}).transform(({ name, title = name, packages, window_days, badges: looks = {} }) => {
  return { name: normalizePackageName(name), title, members: packages, windows: window_days, looks };
});

const service = mapping('a mapping with at least output_dir', {
  output_dir: path('the path of the folder for the badge files').describe(
    'Where the badge files go. Serve this folder.',
  ),
  state_dir: path('the path of a folder outside output_dir')
    .optional()
    .describe('Where what must not be served goes. Default: "state" beside output_dir.'),
  credential_file: path('the path of a service account key file')
    .optional()
    .describe('A service account key. Without it, Application Default Credentials are used.'),
  stale_threshold_days: wholeNumber('a whole number of days from 1 to 365', 1, 365)
    .default(3)
    .describe('Warn when the last success of a package is older than this. Default 3.'),
  source: z
    .enum(SOURCE_KINDS, { error: SOURCE_CHOICE })
    .default(SOURCES[0].kind)
    .describe(
      `Where downloads are counted: ${SOURCES.map(({ kind, name }) => `${kind} (${name})`).join(', ')}. Default ${SOURCES[0].kind}.`,
    ),
  concurrency: wholeNumber('a whole number from 1 to 16', 1, 16)
    .default(1)
    .describe('How many packages are read side by side. Default 1; for hundreds of packages, 8.'),
  public_url: webAddress().optional().describe('Where output_dir is served. Needed for ready-made snippets.'),
});

/** A section for each kind of source. */
const sections = recordOf(SOURCE_KINDS, (kind) => kindOf({ kind }).section.optional());

const facets = mapping('a mapping with every_days', {
  every_days: wholeNumber('a whole number of days from 0 to 365', 0, 365)
    .optional()
    .describe(
      'How often Pythons, versions, systems, types and countries are counted. Default 7 where the source is free, else 0: never.',
    ),
});

/** Most packages and groups of compare_chart. */
const COMPARED_MAX = 5;

const COMPARED = `a list of 2 to ${COMPARED_MAX} names of packages or groups of the list`;

/** The shape of tracked.yaml; its error texts say what is allowed at that place. */
export const trackedSchema = mapping('a mapping with service and packages', {
  service,
  ...sections,
  badges: badges.optional().describe('Looks of the badges of every package.'),
  facets: facets.optional().describe('Lists of Pythons, versions, systems, types and countries.'),
  packages: listOf(packageEntry, 'a list with at least one package').describe(
    'The packages to track: a name, or a mapping with name and window_days.',
  ),
  groups: z
    .array(group, { error: 'a list of groups' })
    .optional()
    .describe('Sums of packages of the list, with badges and a page of their own.'),
  compare_chart: listOf(packageName, COMPARED, 2)
    .max(COMPARED_MAX, { error: COMPARED })
    .optional()
    .describe('Packages and groups of the list that are compared in one chart.'),
});

export type Tracked = z.infer<typeof trackedSchema>;
export type TrackedBadges = z.output<typeof badges>;

/** The JSON Schema of tracked.yaml, for editors that complete and check YAML. */
export function trackedJsonSchema(): object {
  return {
    title: 'tracked.yaml of pypi-badges',
    ...z.toJSONSchema(trackedSchema, { target: 'draft-7', io: 'input' }),
  };
}
