import { INSTALLERS } from './classes.ts';

/*
 * The metric in words, for the page and for the files beside the badges.
 */

const names = INSTALLERS.slice(0, -1).join(', ');

/** What a counted download is, in one sentence. */
export const METRIC_DEFINITION = `One download of one file counts when its CI flag is not set and its installer is ${names} or ${INSTALLERS.at(-1)}.`;

/** What the data cannot show, and therefore neither can any figure made from it. */
export const BLIND_SPOTS = [
  'pipx and pipenv run pip, so the data never names them: they read 0 and their downloads count as pip.',
  'Only pip and uv send the CI flag, so the CI runs of poetry and pdm cannot be taken out.',
  'pip and uv take the CI flag from the environment: a person in a container that sets CI=true is left out, and a build machine that sets nothing counts.',
  'A client that fetches a file in parts (status 206) is recorded once for each part, and counts as often.',
  'pdm from 2.13 on is not known to PyPI, so its downloads are among the unknown clients.',
  'The systems count all downloads outside of CI, whatever the installer, so their sum can be above or below the count.',
] as const;
