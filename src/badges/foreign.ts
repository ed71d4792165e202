/*
 * Badges of others in a README, whatever its markup: an image is known by its address alone.
 */

/** A badge that somebody else counts, or that pypi-winnow-downloads made. */
export type ForeignBadge = ReturnType<typeof foreignBadges>[number];

/** Ends an address in any markup. */
const END = String.raw`\s()<>"[\]\\^{|}\x60`;
const address = (quote: string) => String.raw`https?:\/\/(?:\([^\s()<>"]*\)|[^${END}${quote}])+`;
/** An apostrophe ends an address that stands behind one, and is a part of others. */
const ADDRESS = new RegExp(`(?:(?<=')${address("'")}|(?<!')${address('')})(?<more>[\\\\^{]?)`, 'gi');

const PERIODS: Readonly<Record<string, number>> = { dd: 1, dw: 7, dm: 30, day: 1, week: 7, month: 30 };

const NAME = String.raw`(?<name>[a-z0-9._-]+?)(?:\.svg|\.png)?\/?$`;
const PEPY = 'all downloads, CI runs and mirrors among them, as pepy.tech counts them';

/** Host and path of the address; of an endpoint badge the address of its file. */
const FAMILIES: readonly { readonly at: RegExp; readonly meaning: string }[] = [
  {
    at: new RegExp(String.raw`^img\.shields\.io\/pypi\/(?<period>d[dwm])\/${NAME}`, 'i'),
    meaning:
      'downloads as pypistats.org counts them: CI runs, scripts and browsers among them, four mirrors left out',
  },
  { at: new RegExp(String.raw`^img\.shields\.io\/pepy\/dt\/${NAME}`, 'i'), meaning: PEPY },
  {
    at: /^(?:(?:www|static)\.)?pepy\.tech\/(?:personalized-)?badge\/(?<name>[a-z0-9._-]+?)(?:\.svg)?(?:\/(?<period>month|week))?\/?$/i,
    meaning: PEPY,
  },
  {
    at: /^https?:.*\/(?<name>[a-z0-9._-]+)\/(?<stem>[a-z-]+-(?<days>\d{1,4})d-non-ci)\.json$/i,
    meaning: "downloads by installers, not marked as CI, as pypi-winnow-downloads' files tell them",
  },
];

/**
 * The badges of others in a text, in its order.
 *
 * @returns `index` and `url`: place and text of its address. `package`: as it is written. `windowDays`: undefined for all time.
 * `file` and `stem`: address of its file and its name without ending, if it is one of pypi-winnow-downloads. `meaning`: what
 * its figure is.
 */
export function foreignBadges(text: string) {
  return [...text.matchAll(ADDRESS)].flatMap(({ 0: found, index, groups }) => {
    const url = found.replace(/(?<![.,:;!?])[.,:;!?]+$/, '');
    const plain = url.replaceAll('&amp;', '&');
    // Such as an escape of Markdown: nobody knows where it ends.
    if (groups?.['more'] !== '' || !URL.canParse(plain)) return [];
    const { hostname, pathname, searchParams } = new URL(plain);
    const place = `${hostname}${pathname}`;
    const file = /^img\.shields\.io\/endpoint(?:\.svg)?$/.test(place) ? searchParams.get('url') : null;
    return FAMILIES.flatMap(({ at, meaning }) => {
      const { name = '', period, stem, days } = at.exec(file ?? place)?.groups ?? {};
      if (name === '') return [];
      const asked = PERIODS[period ?? searchParams.get('period') ?? ''];
      const windowDays = days === undefined ? asked : Number(days);
      return [{ index, url, package: name, windowDays, file, stem, meaning }];
    });
  });
}
