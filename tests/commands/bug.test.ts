import { afterEach, describe, expect, it, vi } from 'vitest';
import * as breakdown from '../../src/metric/breakdown.ts';
import { localProject } from '../support/project.ts';

afterEach(() => void vi.restoreAllMocks());

const PLEASE =
  'This is a fault of pypi-badges. Please open an issue at https://example.com/issues with these lines:';

async function collect(argv: string[], env: Record<string, string> = {}, terminal = false) {
  const project = localProject(['alpha', 'beta'], [{ at: '2026-04-20', installer: 'pip', system: 'Linux' }]);
  const odd = new TypeError('odd');
  vi.spyOn(breakdown, 'breakdownOf').mockImplementation(() => {
    throw odd;
  });
  return { ...(await project.within({ env, terminal }, 'collect', ...argv)), ...project };
}

describe('a fault of the program in the middle of a run', () => {
  it('is logged once, with its stack and a report, and --log-level shows what LOG_LEVEL shows', async () => {
    const { exitCode, stderr, entry } = await collect([], { LOG_LEVEL: 'trace' });
    expect(exitCode).toBe(1);
    const lines = stderr.trimEnd().split('\n');
    const found = lines.map((line) => JSON.parse(line)).filter(({ err }) => err !== undefined);
    expect(found).toMatchObject([
      { level: 'error', error_code: 'bug', err: { type: 'TypeError', message: 'odd' } },
    ]);
    const [{ err, report }] = found;
    expect(err.stack).toMatch(/^TypeError: odd\n {4}at /);
    expect(report).toContain(`${PLEASE}\n\npypi-badges 1.2.3, Node.js `);
    expect(report).toContain('\ncommand: pypi-badges collect\nTypeError: odd\n    at ');
    for (const name of ['alpha', 'beta']) {
      const error = 'unexpected fault (please report it): TypeError: odd';
      expect(entry(name)).toMatchObject({ error_code: 'bug', error });
    }
    const plain = (text: string) =>
      text.replaceAll(/"time":"[^"]*"|"(?:stack|report)":"(?:[^"\\]|\\.)*"|pypi-badges-test-\w+/g, '');
    const option = await collect(['--log-level', 'trace']);
    expect(plain(option.stderr)).toBe(plain(stderr));
  });

  it.each(['error', 'fatal', 'silent'])('is told of all the same at level %s', async (level) => {
    const { stderr } = await collect(['--log-level', level]);
    expect(stderr.split(PLEASE)).toHaveLength(2);
    if (level === 'error') return;
    expect(stderr.startsWith(`${PLEASE}\n`)).toBe(true);
    expect(stderr).toContain('\nTypeError: odd\n    at ');
  });

  it('is told of in plain text on a terminal', async () => {
    const { stderr } = await collect([], { NO_COLOR: '1' }, true);
    expect(stderr).toContain('Error: a fault of pypi-badges\n');
    expect(stderr).toContain(`${PLEASE}\n\npypi-badges 1.2.3`);
  });
});
