/**
 * _health.json of pypi-winnow-downloads: names as they were listed, nothing of the table or of single packages. Of a package
 * with 9 downloads by pip and 5 by uv, counted as of 2026-04-25.
 */
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
