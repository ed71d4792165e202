import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/badges/catalogue.ts';
import { localProject } from '../support/project.ts';

function house() {
  const project = localProject(
    ['alpha', '{name: beta, window_days: [7, 30]}'],
    [
      { at: '2026-04-24', project: 'alpha', installer: 'pip', times: 14 },
      { at: '2026-04-24', project: 'alpha', installer: 'bandersnatch', times: 86 },
      { at: '2026-04-01', project: 'beta', installer: 'uv', times: 3 },
    ],
  );
  const page = (path = '') => project.read(`output/${path}index.html`);
  /** Rows of the table of packages. */
  const rows = () =>
    [...parseHTML(page()).document.querySelectorAll('#packages tbody tr')].map((row) =>
      [...row.querySelectorAll('th, td')].map((cell) => (cell.textContent ?? '').trim()).join(' '),
    );
  return { ...project, page, rows };
}

describe('the page after collect', () => {
  it('is there, unless --no-page, and stays when packages fail', async () => {
    const { run, folder, output, published, page, rows } = house();
    expect((await run('collect', '--no-page')).exitCode).toBe(0);
    expect(existsSync(join(output, 'index.html'))).toBe(false);
    expect(published('alpha').filter((file) => file.endsWith('.svg'))).toHaveLength(CATALOGUE.length);
    expect((await run('collect')).exitCode).toBe(0);
    const found = ['alpha 14 30 days 100 86.0%  25 Apr 2026 ', 'beta 0 7 days 0 –  25 Apr 2026 '];
    expect(rows()).toEqual(found.map((row) => `${row}ok`));
    expect(page('beta/')).toContain('30 days: 3 of 3');
    // It keeps what is known of packages that fail.
    rmSync(join(folder, 'rows.ndjson'));
    expect((await run('collect')).exitCode).toBe(1);
    expect(rows()).toEqual(found.map((row) => `${row}failed`));
    expect(page('beta/')).toContain('30 days: 3 of 3');
    expect(page('alpha/')).toContain('The files to count are not there; the operator has been told.');
  });

  it('cannot be drawn where something stands in its way, and then says so', async () => {
    const { run, output, page, rows } = house();
    mkdirSync(join(output, 'alpha/index.html'), { recursive: true });
    const says = /the page could not be drawn completely: .*alpha\/index\.html: a folder stands where/;
    expect(await run('collect')).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(says) });
    expect(rows()).toEqual([expect.stringContaining('alpha 14'), expect.any(String)]);
    expect(page()).not.toContain('href="alpha/index.html"');
  });
});

describe('report', () => {
  it('draws the same page again from the files alone', async () => {
    const { run, folder, output, page } = house();
    await run('collect');
    const before = [page(), page('alpha/')];
    for (const file of ['output/index.html', 'output/alpha/index.html', 'rows.ndjson'])
      rmSync(join(folder, file));
    const stdout = `3 pages; open ${join(output, 'index.html')}\n`;
    expect(await run('report')).toEqual({ exitCode: 0, stdout, stderr: '' });
    expect([page(), page('alpha/')]).toEqual(before);
  });

  it('counts the pages that it could not write', async () => {
    const { run, output } = house();
    await run('collect');
    for (const name of ['alpha', 'beta']) {
      rmSync(join(output, name), { recursive: true });
      symlinkSync('/tmp', join(output, name));
    }
    const stderr = expect.stringMatching(/output\/alpha: .*symbolic link.* \(and 1 more\)/);
    expect(await run('report')).toMatchObject({ exitCode: 1, stderr });
  });
});
