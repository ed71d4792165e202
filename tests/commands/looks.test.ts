import { parseHTML } from 'linkedom';
import { expect, it } from 'vitest';
import { daysUpTo, localProject } from '../support/project.ts';
import { parseXml } from '../support/xml.ts';

const rows = daysUpTo('2026-04-24', 60).map((at) => ({ project: 'alpha', at, installer: 'pip' }));

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
