import { afterEach, describe, expect, it, vi } from 'vitest';
import { OperatorError } from '../src/errors/error.ts';
import { runMain } from './support/context.ts';

const command = vi.hoisted(() => ({ check: vi.fn() }));
vi.mock('../src/commands/check.ts', () => command);
afterEach(() => {
  command.check.mockReset();
});

describe('main', () => {
  it('prints the version', async () => {
    expect(await runMain('/', ['--version'])).toEqual({ exitCode: 0, stdout: '1.2.3\n', stderr: '' });
  });

  it.each([
    [['--help'], ['collect', 'check', '--config', '--log-level']],
    [
      ['collect', '--help'],
      ['--package', '--as-of', '--dry-run', '--json', '--config'],
    ],
  ])('prints the help for %j', async (argv, names) => {
    const { exitCode, stdout, stderr } = await runMain('/', argv);
    expect([exitCode, stderr]).toEqual([0, '']);
    for (const name of names) expect(stdout).toContain(name);
  });

  it.each([
    [
      ['check', '--config', '-----BEGIN PRIVATE KEY-----\\nMIIEvQ'],
      /^--config holds what looks like a private key, /,
    ],
    [['-----BEGIN PRIVATE KEY-----\\nMIIEvQ'], /^argument 1 holds what looks like a private key, /],
    [['colect'], /unknown command 'colect'.*\n.*Did you mean collect\?/],
    [['check', '--verbose'], /unknown option '--verbose'/],
    [['check', 'too', 'much'], /too many arguments/],
    [['collect', '--package'], /argument missing/],
  ])('exits 2 for %j', async (argv, says) => {
    const { exitCode, stdout, stderr } = await runMain('/', argv);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(says);
  });

  it.each([
    ['collect'],
    ['show', 'demo'],
    ['compare', 'demo'],
    ['doctor'],
    ['status'],
    ['cost'],
    ['embed'],
    ['export'],
    ['backfill', '--from', '2026-01-01'],
    ['prune'],
    ['report'],
    ['check'],
  ])('refuses a level of the log that there is not: %s', async (...argv) => {
    const option = await runMain('/', ['--log-level', 'loud', ...argv]);
    expect([option.exitCode, option.stdout]).toEqual([2, '']);
    expect(option.stderr).toBe(
      "error: option '--log-level <level>' argument 'loud' is invalid. Allowed choices are trace, debug, info, warn, error, fatal, silent.\n",
    );
    const variable = await runMain('/', argv, { env: { LOG_LEVEL: 'loud' } });
    expect(variable).toEqual({
      exitCode: 2,
      stdout: '',
      stderr:
        'LOG_LEVEL: "loud" is unknown; it takes one of trace, debug, info, warn, error, fatal, silent\n',
    });
    expect(command.check).not.toHaveBeenCalled();
  });

  it.each([
    ['a terminal sequence', '\u001b]0;gone\u0007'],
    ['a C1 control', '\u009b2J'],
    ['a line break', '\nbeta: ok'],
    ['a line separator', '\u2028beta: ok'],
    ['a paragraph separator', '\u2029beta: ok'],
    ['bidi characters', '\u202ecba\u2066'],
  ])('shows no %s of a command line', async (_, hostile) => {
    const text = `alpha${hostile}`;
    const lines = [
      [text],
      ['show', text],
      ['show', 'alpha', '--source', text],
      ['show', 'alpha', '--days', text],
      ['compare', text],
      ['collect', '--package', text],
      ['collect', `--as-of=${text}`],
      ['collect', '--wait', text],
      ['embed', '--badge', text],
      ['embed', `-f${text}`],
      ['export', '--format', text],
      ['export', '--output', text],
      ['backfill', '--from', text],
      ['status', '--config', text],
      ['check', '--log-level', text],
      ['check', `--${text}`],
    ];
    for (const argv of lines) {
      const { exitCode, stdout, stderr } = await runMain('/', argv);
      expect([argv, exitCode, stdout]).toEqual([argv, 2, '']);
      expect(stderr).toMatch(
        /^\S.* holds what looks like text with (?:control|invisible) characters, |^\S.* several lines of text, /,
      );
      expect(stderr).not.toMatch(/[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
      expect(stderr.match(/\n/g)).toHaveLength(1);
    }
    expect(command.check).not.toHaveBeenCalled();
  });

  it('exits 2 and shows the help if no command is named', async () => {
    const { exitCode, stderr } = await runMain('/', []);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Usage: pypi-badges');
  });

  it('passes on the exit code of a command', async () => {
    command.check.mockReturnValue(3);
    expect(await runMain('/', ['check'])).toEqual({ exitCode: 3, stdout: '', stderr: '' });
  });

  it('passes on the options, wherever they stand', async () => {
    command.check.mockReturnValue(0);
    await runMain('/', ['--config', 'a.yaml', 'check', '--log-level', 'debug']);
    expect(command.check).toHaveBeenCalledWith(
      { config: 'a.yaml', logLevel: 'debug' },
      expect.objectContaining({ cwd: '/' }),
    );
  });

  it('prints the sentence of an operator error alone', async () => {
    command.check.mockImplementation(() => {
      throw new OperatorError('disk-full', 'the disk is full; free some space');
    });
    expect(await runMain('/', ['check'])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'the disk is full; free some space\n',
    });
  });

  it('tells journald that each line of it is an error', async () => {
    command.check.mockImplementation(() => {
      throw new OperatorError('disk-full', 'line 1\nline 2');
    });
    const { stderr } = await runMain('/', ['check'], { env: { JOURNAL_STREAM: '8:12345' } });
    expect(stderr).toBe('<3>line 1\n<3>line 2\n');
  });

  it('prints a report, ready to be sent, of what it does not foresee', async () => {
    command.check.mockImplementation(() => {
      throw new TypeError('x is not\n  a function');
    });
    const argv = ['check', '--config', 'private.yaml', '--log-level=silent'];
    const home = process.cwd();
    const { exitCode, stderr } = await runMain('/', argv, { env: { HOME: home } });
    expect(exitCode).toBe(1);
    const [sentence, , please, , versions, line, ...stack] = stderr.split('\n');
    expect(sentence).toBe('unexpected fault (please report it): TypeError: x is not a function');
    expect(please).toBe(
      'This is a fault of pypi-badges. Please open an issue at https://example.com/issues with these lines:',
    );
    expect(versions).toBe(
      `pypi-badges 1.2.3, Node.js ${process.versions.node}, ${process.platform} ${process.arch}`,
    );
    expect(line).toBe('command: pypi-badges check --config --log-level');
    expect(stack.join('\n')).toMatch(
      /^TypeError: x is not\n {2}a function\n {4}at .*~\/tests\/program\.mocks\.ts/,
    );
    expect(stderr).not.toContain(home);
  });

  it('survives a thrown text', async () => {
    command.check.mockImplementation(() => {
      throw 'words';
    });
    const { exitCode, stderr } = await runMain('/', ['check']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^unexpected fault \(please report it\): words\n[\s\S]*\nwords\n$/);
  });
});
