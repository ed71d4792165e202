/*
 * What other programs and earlier versions have left in output folders, as they wrote it. All three are of a
 * package with 9 downloads by pip and 5 by uv on 22 April 2026, nothing known of the 23rd, and 2 by uv on the
 * 24th, counted as of 2026-04-25.
 */

/** history.json of pypi-badges 0.1.0, which knew no files beside packages, and no days incomplete. */
export const HISTORY_0_1_0 = `{
  "version": 1,
  "package": "demo",
  "days": ["2026-04-22","2026-04-23","2026-04-24"],
  "missing_days": ["2026-04-23"],
  "count": [14,null,2],
  "installers": {
    "pip": [9,null,0],
    "pipenv": [0,null,0],
    "pipx": [0,null,0],
    "uv": [5,null,2],
    "poetry": [0,null,0],
    "pdm": [0,null,0]
  },
  "systems": {
    "Linux": [13,null,2],
    "Darwin": [5,null,0],
    "Windows": [0,null,0]
  },
  "excluded": {
    "ci": [0,null,7],
    "mirror": [0,null,25],
    "browser": [0,null,0],
    "unknown": [0,null,0],
    "other": [4,null,0]
  },
  "metric": {
    "definition": "One download of one file counts when its CI flag is not set and its installer is pip, pipenv, pipx, uv, poetry or pdm.",
    "url": "../index.html#metric"
  },
  "blind_spots": ["pipx and pipenv run pip, so the data never names them: they read 0 and their downloads count as pip."]
}
`;

const WINDOW_0_1_0 = {
  window_days: 3,
  count: 16,
  counts: { pip: 9, pipenv: 0, pipx: 0, uv: 7, poetry: 0, pdm: 0, 'pip-family': 9 },
  counts_by_system: { Linux: 15, Darwin: 5, Windows: 0 },
  excluded: { ci: 7, mirror: 25, browser: 0, unknown: 0, other: 4 },
};

/** _health.json of pypi-badges 0.1.0, without a version, a source or the newest day of the figures. */
export const HEALTH_0_1_0 = {
  started: '2026-04-25T04:12:00.335Z',
  finished: '2026-04-25T04:12:02.561Z',
  upstream: { last_day: '2026-04-24', missing_days: ['2026-04-23'] },
  packages: {
    demo: {
      ...WINDOW_0_1_0,
      windows: [WINDOW_0_1_0],
      query: { days_scanned: 2, bytes_processed: 0, bytes_billed: 0, cache_hit: false, duration_ms: 9 },
      attempted: '2026-04-25T04:12:01.543Z',
      last_success: '2026-04-25T04:12:01.559Z',
    },
    late: {
      error: 'not attempted: the disk is full',
      error_code: 'disk-full',
      window_days: 30,
      last_success: '2026-04-20T04:12:01.559Z',
    },
    never: { error: 'not attempted: the disk is full', error_code: 'disk-full', window_days: 30 },
  },
};

/** _health.json of pypi-winnow-downloads: names as they were listed, nothing of the table or of single packages. */
export const HEALTH_WINNOW = {
  started: '2026-04-25T04:12:00.123456+00:00',
  finished: '2026-04-25T04:12:42.654321+00:00',
  packages: {
    Small_00: {
      count: 14,
      window_days: 30,
      counts: { pip: 9, pipenv: 0, pipx: 0, uv: 5, poetry: 0, pdm: 0, 'pip-family': 9 },
      counts_by_system: { Linux: 8, Darwin: 4, Windows: 1 },
    },
    bad: { error: 'Quota exceeded', window_days: 30 },
  },
};
