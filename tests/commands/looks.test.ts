import { parseHTML } from 'linkedom';
import { expect, it } from 'vitest';
import { daysUpTo, localProject } from '../support/project.ts';
import { parseXml } from '../support/xml.ts';

/** Five downloads a day in the window, and four a day in the one before it. */
const rows = daysUpTo('2026-04-24', 60).map((at, back) => ({
  project: 'alpha',
  at,
  installer: 'pip',
  times: back < 30 ? 5 : 4,
}));

it('makes trends and sparklines where they are asked for, and nothing else elsewhere', async () => {
  const { run, track, message, read, published } = localProject(
    ['{name: alpha, window_days: [30, 7], badges: {extra: [trend, sparkline], suffix: /mo}}', 'beta'],
    rows,
  );
  const { exitCode, stderr } = await run('collect');
  expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('left-over')]);
  // 5 against 4 a day in 30 days; 5 against 5 in 7.
  const badges = ['trend-30d', 'trend-7d', 'downloads-30d'];
  expect(badges.map((badge) => message('alpha', badge))).toEqual(['+25 %', '±0 %', '150/mo']);
  const sparkline = read('output/alpha/sparkline-30d-non-ci.svg');
  expect(sparkline).toContain('150 in 30 days to 2026-04-24, at most 5 a day');
  expect(read('output/alpha/index.html')).toContain('<b>150/mo</b>');
  expect(published('beta')).toHaveLength(25);
  // Not asked for any more, they are left over, and told of.
  track(['{name: alpha, window_days: 30}', 'beta']);
  expect((await run('collect')).stderr).toContain(
    'badges of 7d, sparkline (30d), trend (30d) are left over: no longer listed, so no longer renewed; list them again in window_days or badges.extra, or run: pypi-badges prune',
  );
});

it.each([']]>', '</title><script>x</script>', '" onload="x', "'&#0;<!--", '<![CDATA[', 'مرحبا 🐍', '$& $1'])(
  'writes files that their parsers read with the texts %s',
  async (text) => {
    const quoted = JSON.stringify(text);
    const looks = `{label: ${quoted}, suffix: ${JSON.stringify(text.slice(0, 20))}, dark: true, extra: [trend, sparkline, total]}`;
    const { run, files, json, read } = localProject(['alpha'], rows, {
      service: 'public_url: https://example.com',
      sections: `badges: ${looks}\ngroups: [{name: suite, title: ${quoted}, packages: [alpha]}]`,
    });
    expect((await run('collect')).exitCode).toBe(0);
    for (const [path, content] of Object.entries(files())) {
      if (path.endsWith('.json')) JSON.parse(content);
      if (!path.endsWith('.svg')) continue;
      expect(parseXml(content).map(({ name }) => name)).not.toContain('script');
    }
    expect(json('alpha/downloads-30d-non-ci.json').label).toBe(`${text} (30d)`);
    for (const file of ['index.html', 'suite/index.html']) {
      const { document } = parseHTML(read(`output/${file}`));
      expect(document.querySelectorAll('script')).toHaveLength(1);
      expect(document.body.textContent).toContain(text);
    }
    const embedded = await run('embed', '--package', 'suite', '--format', 'html');
    expect(parseHTML(embedded.stdout).document.querySelector('img')?.getAttribute('alt')).toContain(text);
  },
);
