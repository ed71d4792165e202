/*
 * Badges of others in a README, whatever its markup: an image is known by its address alone.
 */

/** A badge that somebody else counts, or that pypi-winnow-downloads made. */
export interface ForeignBadge {
  /** Place and text of its address. */
  readonly index: number;
  readonly url: string;
  /** As it is written. */
  readonly package: string;
  /** Days that it is about; undefined for all time. */
  readonly windowDays: number | undefined;
  /** Name of its file without ending, if it is one of pypi-winnow-downloads. */
  readonly stem: string | undefined;
  /** What its figure is. */
  readonly meaning: string;
}

const NAME = String.raw`(?<name>[A-Za-z0-9][A-Za-z0-9._-]*?)(?:\.svg)?`;
/** Where an address ends in any markup. */
const END = String.raw`(?<query>\?[^\s"'<>)\]]*)?(?=[\s"'<>)\]]|$)`;
const PERIODS: Readonly<Record<string, number>> = { dd: 1, dw: 7, dm: 30, day: 1, week: 7, month: 30 };

interface Family {
  readonly address: RegExp;
  readonly meaning: string;
}

const FAMILIES: readonly Family[] = [
  {
    address: new RegExp(String.raw`https?://img\.shields\.io/pypi/(?<period>d[dwm])/${NAME}${END}`, 'g'),
    meaning:
      'downloads as pypistats.org counts them: CI runs, scripts and browsers among them, four mirrors left out',
  },
  {
    address: new RegExp(
      String.raw`https?://(?:(?:www\.|static\.)?pepy\.tech/(?:personalized-)?badge/${NAME}(?:/(?<period>month|week))?|img\.shields\.io/pepy/dt/(?<other>[A-Za-z0-9][A-Za-z0-9._-]*?)(?:\.svg)?)${END}`,
      'g',
    ),
    meaning: 'all downloads, CI runs and mirrors among them, as pepy.tech counts them',
  },
  {
    address:
      /https?:\/\/img\.shields\.io\/endpoint(?:\.svg)?\?url=[^\s"'<>)\]&]*?(?:%2F|\/)(?<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:%2F|\/)(?<stem>[a-z-]+-(?<days>\d{1,4})d-non-ci)\.json(?<query>&[^\s"'<>)\]]*)?/gi,
    meaning: "downloads by installers, not marked as CI, as pypi-winnow-downloads' files tell them",
  },
];

/** The badges of others in a text, in its order. */
export function foreignBadges(text: string): ForeignBadge[] {
  const found = FAMILIES.flatMap(({ address, meaning }) =>
    [...text.matchAll(address)].map(({ 0: url, index, groups = {} }): ForeignBadge => {
      const { name, other, period, days, query = '', stem } = groups;
      const asked = period ?? /[?&;]period=(\w+)/.exec(query)?.[1] ?? '';
      const windowDays = days === undefined ? PERIODS[asked] : Number(days);
      return { index, url, package: name ?? other ?? '', windowDays, stem, meaning };
    }),
  );
  return found.toSorted((a, b) => a.index - b.index);
}
