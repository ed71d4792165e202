import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import * as command from '../src/commands/check.ts';
import { OperatorError } from '../src/errors/error.ts';
import { runMain } from './support/context.ts';

let check: MockInstance<typeof command.check>;
beforeEach(() => {
  check = vi.spyOn(command, 'check').mockResolvedValue(0);
});
afterEach(() => check.mockRestore());

describe('main', () => {
  it('prints the version', async () => {
    expect(await runMain('/', ['--version'])).toEqual({ exitCode: 0, stdout: '1.2.3\n', stderr: '' });
  });
  const PEM = '-----BEGIN PRIVATE KEY-----\\nMIIEvQ';
  it.each([
    [['check', '--config', PEM], /^--config holds what looks like a private key, /],
    [[PEM], /^argument 1 holds what looks like a private key, /],
    [['colect'], /unknown command 'colect'.*\n.*Did you mean collect\?/],
    [['check', '--verbose'], /unknown option '--verbose'/],
    [['check', 'too', 'much'], /too many arguments/],
    [['collect', '--package'], /argument missing/],
    [[], /Usage: pypi-badges/],
  ])('exits 2 for %j', async (argv, says) => {
    const { exitCode, stdout, stderr } = await runMain('/', argv);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(says);
  });

  const LEVELS = 'trace, debug, info, warn, error, fatal, silent';
  it.each(['collect', 'show demo', 'check'])(
    '%s refuses a level of the log that there is not',
    async (line) => {
      const argv = line.split(' ');
      expect(await runMain('/', ['--log-level', 'loud', ...argv])).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: `error: option '--log-level <level>' argument 'loud' is invalid. Allowed choices are ${LEVELS}.\n`,
      });
      expect(await runMain('/', argv, { env: { LOG_LEVEL: 'loud' } })).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: `LOG_LEVEL: "loud" is unknown; it takes one of ${LEVELS}\n`,
      });
      expect(check).not.toHaveBeenCalled();
    },
  );

  it.each([
    ['a terminal sequence', '\u001b]0;gone\u0007'],
    ['a C1 control', '\u009b2J'],
    ['a line break', '\nbeta: ok'],
    ['a line separator', '\u2028beta: ok'],
    ['a paragraph separator', '\u2029beta: ok'],
    ['bidi characters', '\u202ecba\u2066'],
  ])('shows no %s of a command line', async (_, hostile) => {
    const lines = [
      ...['@', 'show @', 'show alpha --source @', 'show alpha --days @', 'compare @', 'collect --package @'],
      ...['collect --as-of=@', 'collect --wait @', 'embed --badge @', 'embed -f@', 'export --format @'],
      ...['export --output @', 'backfill --from @', 'status --config @', 'check --log-level @', 'check --@'],
    ].map((line) => line.split(' ').map((word) => word.replace('@', `alpha${hostile}`)));
    for (const argv of lines) {
      const { exitCode, stdout, stderr } = await runMain('/', argv);
      expect([argv, exitCode, stdout]).toEqual([argv, 2, '']);
      expect(stderr).toMatch(
        /^\S.* holds what looks like text with (?:control|invisible) characters, |^\S.* several lines of text, /,
      );
      expect(stderr).not.toMatch(/[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
      expect(stderr.match(/\n/g)).toHaveLength(1);
    }
    expect(check).not.toHaveBeenCalled();
  });

  it('passes on the exit code of a command', async () => {
    check.mockResolvedValue(3);
    expect(await runMain('/', ['check'])).toEqual({ exitCode: 3, stdout: '', stderr: '' });
  });

  it('passes on the options, wherever they stand', async () => {
    check.mockResolvedValue(0);
    await runMain('/', ['--config', 'a.yaml', 'check', '--log-level', 'debug']);
    expect(check).toHaveBeenCalledWith(
      { config: 'a.yaml', logLevel: 'debug' },
      expect.objectContaining({ cwd: '/' }),
    );
  });

  it('prints the sentence of an operator error alone, and tells journald that each line of it is an error', async () => {
    check.mockImplementation(() => {
      throw new OperatorError('disk-full', 'the disk is full;\nfree some space');
    });
    const stderr = 'the disk is full;\nfree some space\n';
    expect(await runMain('/', ['check'])).toEqual({ exitCode: 1, stdout: '', stderr });
    const told = await runMain('/', ['check'], { env: { JOURNAL_STREAM: '8:12345' } });
    expect(told.stderr).toBe('<3>the disk is full;\n<3>free some space\n');
  });

  it('survives a thrown text', async () => {
    check.mockImplementation(() => {
      throw 'words';
    });
    const { exitCode, stderr } = await runMain('/', ['check']);
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(/^unexpected fault .*: words\n[\s\S]*\nwords\n$/),
    ]);
  });

  it('prints a report, ready to be sent, of what it does not foresee', async () => {
    check.mockImplementation(() => {
      throw new TypeError('x is not\n  a function');
    });
    const argv = ['check', '--config', 'private.yaml', '--log-level=silent'];
    const home = process.cwd();
    const { exitCode, stderr } = await runMain('/', argv, { env: { HOME: home } });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^unexpected fault \(please report it\): TypeError: x is not a function\n\nThis is a fault of pypi-badges\. Please/,
    );
    expect(stderr).toMatch(
      /\ncommand: pypi-badges check --config --log-level\nTypeError: x is not\n {2}a function\n {4}at .*~\/tests\/program\.test\.ts/,
    );
    expect(stderr).not.toContain(home);
  });
});
