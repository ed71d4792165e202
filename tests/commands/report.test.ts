import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/badges/catalogue.ts';
import { runMain } from '../support/context.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

const project = () =>
  makeProject(
    tempFolder(),
    ['alpha', '{name: beta, window_days: [7, 30]}'],
    [
      { at: '2026-04-24', project: 'alpha', installer: 'pip', times: 14 },
      { at: '2026-04-24', project: 'alpha', installer: 'bandersnatch', times: 86 },
      { at: '2026-04-01', project: 'beta', installer: 'uv', times: 3 },
    ],
  );
const collect = (folder: string, ...argv: string[]) =>
  runMain(folder, ['collect', '--as-of', '2026-04-25', '--log-level', 'error', ...argv]);
const rows = (page: string) =>
  [...parseHTML(page).document.querySelectorAll('#packages tbody tr')].map((row) =>
    [...row.querySelectorAll('th, td')].map((cell) => (cell.textContent ?? '').trim()).join(' '),
  );

describe('the page after collect', () => {
  it('is there, unless --no-page', async () => {
    const { folder, output, read } = project();
    expect((await collect(folder, '--no-page')).exitCode).toBe(0);
    expect(existsSync(join(output, 'index.html'))).toBe(false);
    const pictures = readdirSync(join(output, 'alpha')).filter((file) => file.endsWith('.svg'));
    expect(pictures).toHaveLength(CATALOGUE.length);
    expect(existsSync(join(output, 'alpha/history.json'))).toBe(true);
    expect((await collect(folder)).exitCode).toBe(0);
    expect(rows(read('index.html'))).toEqual([
      'alpha 14 30 days 100 86.0%  25 Apr 2026 ok',
      'beta 0 7 days 0 –  25 Apr 2026 ok',
    ]);
    expect(read('beta/index.html')).toContain('30 days: 3 of 3');
  });

  it('keeps what is known of a package that fails', async () => {
    const { folder, read, output } = project();
    await collect(folder);
    rmSync(join(folder, 'rows.ndjson'));
    expect((await collect(folder)).exitCode).toBe(1);
    expect(rows(read('index.html'))).toEqual([
      'alpha 14 30 days 100 86.0%  25 Apr 2026 failed',
      'beta 0 7 days 0 –  25 Apr 2026 failed',
    ]);
    expect(read('alpha/index.html')).toContain(
      'The files to count are not there; the operator has been told.',
    );
    rmSync(join(output, 'alpha/history.json'));
    await collect(folder);
    expect(rows(read('index.html'))[0]).toBe('alpha – – – –  25 Apr 2026 failed');
  });

  it('cannot be drawn where something stands in its way, and then says so', async () => {
    const { folder, output, read } = project();
    mkdirSync(join(output, 'alpha/index.html'), { recursive: true });
    const { exitCode, stderr } = await collect(folder);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /the page could not be drawn completely: .*alpha\/index\.html: a folder stands where/,
    );
    expect(rows(read('index.html'))[0]).toContain('alpha 14');
    expect(rows(read('index.html'))).toHaveLength(2);
    expect(read('index.html')).not.toContain('href="alpha/index.html"');
  });
});

describe('report', () => {
  it('draws the same page again from the files alone', async () => {
    const { folder, output, read } = project();
    await collect(folder);
    const before = [read('index.html'), read('alpha/index.html')];
    for (const file of ['index.html', 'alpha/index.html']) rmSync(join(output, file));
    rmSync(join(folder, 'rows.ndjson'));
    const { exitCode, stdout, stderr } = await runMain(folder, ['report']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toBe(`3 pages; open ${join(output, 'index.html')}\n`);
    expect([read('index.html'), read('alpha/index.html')]).toEqual(before);
  });

  it.each([
    ['is not there', undefined, 'there is none yet; run: pypi-badges collect'],
    ['is unreadable', '{"packages": 1', 'it is not a health file; the next run replaces it'],
  ])('says what to do where _health.json %s', async (_, content, says) => {
    const { folder, output, put } = project();
    if (content !== undefined) put('_health.json', content);
    const { exitCode, stdout, stderr } = await runMain(folder, ['report']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toBe(`${join(output, '_health.json')}: ${says}\n`);
  });

  it('counts the pages that it could not write', async () => {
    const { folder, output } = project();
    await collect(folder);
    for (const name of ['alpha', 'beta']) {
      rmSync(join(output, name), { recursive: true });
      symlinkSync('/tmp', join(output, name));
    }
    const { exitCode, stderr } = await runMain(folder, ['report']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/output\/alpha: .*symbolic link.* \(and 1 more\)/);
  });

  it('shows no figure that makes no sense', async () => {
    const { folder, put, read } = project();
    const nonsense = {
      window_days: '30',
      count: -1,
      windows: [{ count: 'many' }],
      last_success: 'yesterday',
    };
    put(
      '_health.json',
      JSON.stringify({ finished: 7, upstream: 'none', packages: { alpha: nonsense, beta: {} } }),
    );
    writeFileSync(join(folder, 'output', 'stray'), '');
    expect((await runMain(folder, ['report'])).exitCode).toBe(0);
    expect(rows(read('index.html'))).toEqual(['alpha – – – –  never new', 'beta – – – –  never new']);
  });
});
