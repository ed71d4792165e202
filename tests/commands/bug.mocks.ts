import { afterEach, describe, expect, it, vi } from 'vitest';
import { runMain } from '../support/context.ts';
import { makeProject } from '../support/project.ts';
import { tempFolder } from '../support/temp-folder.ts';

const faults = vi.hoisted(() => ({ breakdownOf: undefined as Error | undefined }));
vi.mock('../../src/metric/breakdown.ts', async (original) => {
  const real = await original<typeof import('../../src/metric/breakdown.ts')>();
  return {
    ...real,
    breakdownOf: (rows: Parameters<typeof real.breakdownOf>[0]) => {
      if (faults.breakdownOf !== undefined) throw faults.breakdownOf;
      return real.breakdownOf(rows);
    },
  };
});
afterEach(() => {
  faults.breakdownOf = undefined;
});

const ROW = { at: '2026-04-20', installer: 'pip', system: 'Linux' };
const PLEASE =
  'This is a fault of pypi-badges. Please open an issue at https://example.com/issues with these lines:';

async function collect(argv: string[], world: Parameters<typeof runMain>[2] = {}) {
  const project = makeProject(tempFolder(), ['alpha', 'beta'], [ROW]);
  faults.breakdownOf = new TypeError('odd');
  const result = await runMain(project.folder, ['collect', '--as-of', '2026-04-25', ...argv], world);
  return { ...result, project };
}

describe('a fault of the program in the middle of a run', () => {
  it.each([['trace'], ['info'], ['error']])(
    'is logged once, with its stack and a report, at level %s',
    async (level) => {
      const { exitCode, stderr, project } = await collect([], { env: { LOG_LEVEL: level } });
      expect(exitCode).toBe(1);
      const lines = stderr
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
        .filter(({ err }) => err !== undefined);
      expect(lines).toHaveLength(1);
      const [{ level: told, error_code, err, report }] = lines;
      expect([told, error_code, err.type, err.message]).toEqual(['error', 'bug', 'TypeError', 'odd']);
      expect(err.stack).toMatch(/^TypeError: odd\n {4}at /);
      expect(report).toContain(`${PLEASE}\n\npypi-badges 1.2.3, Node.js `);
      expect(report).toContain('\ncommand: pypi-badges collect --as-of\nTypeError: odd\n    at ');
      for (const name of ['alpha', 'beta']) {
        expect(project.health().packages[name]).toMatchObject({
          error_code: 'bug',
          error: 'unexpected fault (please report it): TypeError: odd',
        });
      }
    },
  );

  it.each([['fatal'], ['silent']])('is told of all the same at level %s', async (level) => {
    const { stderr } = await collect(['--log-level', level]);
    expect(stderr.startsWith(`${PLEASE}\n`)).toBe(true);
    expect(stderr.split(PLEASE)).toHaveLength(2);
    expect(stderr).toContain('\nTypeError: odd\n    at ');
  });

  it('is told of in plain text on a terminal', async () => {
    const { stderr } = await collect([], { terminal: true, env: { NO_COLOR: '1' } });
    expect(stderr).toContain('Error: a fault of pypi-badges\n');
    expect(stderr).toContain(`${PLEASE}\n\npypi-badges 1.2.3`);
  });

  it('shows with --log-level what LOG_LEVEL shows', async () => {
    const plain = (text: string) =>
      text.replaceAll(/"time":"[^"]*"|"(?:stack|report)":"(?:[^"\\]|\\.)*"|pypi-badges-test-\w+/g, '');
    const option = await collect(['--log-level', 'debug']);
    const variable = await collect([], { env: { LOG_LEVEL: 'debug' } });
    expect(plain(option.stderr)).toBe(plain(variable.stderr));
    expect(option.stderr).toContain('TypeError: odd');
  });
});
