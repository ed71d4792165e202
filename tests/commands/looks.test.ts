import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { expect, it } from 'vitest';
import { addDays } from '../../src/days/day.ts';
import { runMain } from '../support/context.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { parseXml } from '../support/xml.ts';

/** Five downloads a day in the window, and four a day in the one before it. */
const rows = Array.from({ length: 60 }, (_, back) => ({
  project: 'alpha',
  at: addDays('2026-04-24', -back),
  installer: 'pip',
  times: back < 30 ? 5 : 4,
}));

it('makes trends and sparklines where they are asked for, and nothing else elsewhere', async () => {
  const project = makeProject(
    tempFolder(),
    ['{name: alpha, window_days: [30, 7], badges: {extra: [trend, sparkline], suffix: /mo}}', 'beta'],
    rows,
  );
  const { exitCode, stderr } = await runMain(project.folder, ['collect', '--as-of', '2026-04-25']);
  expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('left-over')]);
  // 5 against 4 a day in 30 days; 5 against 5 in 7.
  expect(project.message('alpha', 'trend-30d-non-ci')).toBe('+25 %');
  expect(project.message('alpha', 'trend-7d-non-ci')).toBe('±0 %');
  expect(project.message('alpha', 'downloads-30d-non-ci')).toBe('150/mo');
  expect(project.read('alpha/sparkline-30d-non-ci.svg')).toContain(
    '150 in 30 days to 2026-04-24, at most 5 a day',
  );
  expect(project.read('alpha/index.html')).toContain('<b>150/mo</b>');
  expect(readdirSync(join(project.output, 'beta'))).toHaveLength(25);
  // Not asked for any more, they are left over, told of, and prune marks them.
  project.track(['{name: alpha, window_days: 30}', 'beta']);
  const again = await runMain(project.folder, ['collect', '--as-of', '2026-04-25']);
  expect(again.stderr).toContain(
    'badges of 7d, sparkline (30d), trend (30d) are left over: no longer listed, so no longer renewed; list them again in window_days or badges.extra, or run: pypi-badges prune',
  );
  expect((await runMain(project.folder, ['prune', '--mark', '--yes'])).stdout).toContain(
    'mark  alpha (7d, sparkline (30d), trend (30d)): 32 files',
  );
  expect(project.message('alpha', 'trend-30d-non-ci')).toBe('not tracked any more');
  expect(project.message('alpha', 'downloads-30d-non-ci')).toBe('150');
  expect((await runMain(project.folder, ['prune', '--mark'])).stdout).toBe('nothing is left over\n');
});

it.each([']]>', '</title><script>x</script>', '" onload="x', "'&#0;<!--", '<![CDATA[', 'مرحبا 🐍', '$& $1'])(
  'writes files that their parsers read with the texts %s',
  async (text) => {
    const project = makeProject(tempFolder(), ['alpha'], rows);
    const quoted = JSON.stringify(text);
    const looks = `{label: ${quoted}, suffix: ${JSON.stringify(text.slice(0, 20))}, dark: true, extra: [trend, sparkline, total]}`;
    const list = `public_url: https://example.com\nbadges: ${looks}\ngroups: [{name: suite, title: ${quoted}, packages: [alpha]}]\n`;
    project.track(['alpha'], `  ${list}`);
    const { exitCode, stderr } = await runMain(project.folder, ['collect', '--as-of', '2026-04-25']);
    expect([exitCode, stderr]).toEqual([0, expect.any(String)]);
    const files = readdirSync(project.output, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => name.endsWith('.svg'))) {
      expect(parseXml(project.read(file)).map(({ name }) => name)).not.toContain('script');
    }
    for (const file of files.filter((name) => name.endsWith('.json'))) JSON.parse(project.read(file));
    expect(JSON.parse(project.read('alpha/downloads-30d-non-ci.json')).label).toBe(`${text} (30d)`);
    for (const file of ['index.html', 'suite/index.html']) {
      const { document } = parseHTML(project.read(file));
      expect(document.querySelectorAll('script')).toHaveLength(1);
      expect(document.body.textContent).toContain(text);
    }
    const embedded = await runMain(project.folder, ['embed', '--package', 'suite', '--format', 'html']);
    const { document } = parseHTML(embedded.stdout);
    expect(document.querySelector('img')?.getAttribute('alt')).toContain(text);
  },
);
