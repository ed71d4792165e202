import { describe, expect, it } from 'vitest';
import { bugIn, OperatorError } from '../../src/errors/error.ts';
import { bugReport } from '../../src/errors/report.ts';

function report(error: unknown, argv: string[], issuesUrl?: string): string {
  return bugReport(error, {
    version: '1.2.3',
    issuesUrl,
    nodeVersion: '22.1.0',
    platform: 'linux x64',
    argv,
    names: ['collect', '-p', '--package', '-c', '--config', '--json'],
    folders: [
      ['/home/jane', '~'],
      ['/home/jane/my badges', '.'],
      ['', '~'],
    ],
  });
}

describe('bugReport', () => {
  it('names versions, platform and the command without its values', () => {
    const argv = [
      '-c/srv/private.yaml',
      'collect',
      '--package=hush',
      '-p',
      'secret-name',
      '--json',
      '--odd=x',
    ];
    expect(report('words', argv, 'https://example.com/issues').split('\n')).toEqual([
      'This is a fault of pypi-badges. Please open an issue at https://example.com/issues with these lines:',
      '',
      'pypi-badges 1.2.3, Node.js 22.1.0, linux x64',
      'command: pypi-badges -c collect --package -p --json',
      'words',
      '',
    ]);
  });

  it('sends nobody nowhere where there is no address', () => {
    expect(report('words', []).split('\n')[0]).toBe(
      'This is a fault of pypi-badges. This copy does not know where issues are opened; please send these lines to whoever you have it from:',
    );
  });

  it('has the stack and its cause, without folders of this machine', () => {
    const cause = Object.assign(new Error('Invalid URL'), { input: 'http://me:hush@host' });
    cause.stack = 'Error: Invalid URL\n    at g (/home/jane/.npm/lib/x.js:2:3)';
    const error = new TypeError('odd', { cause });
    error.stack =
      'TypeError: odd\n    at f (file:///home/jane/my%20badges/dist/cli.js:1:2)\n    at /home/jane/my badges/y.js';
    expect(report(error, []).split('\n').slice(4)).toEqual([
      'TypeError: odd',
      '    at f (file://./dist/cli.js:1:2)',
      '    at ./y.js',
      'caused by: Error: Invalid URL',
      '    at g (~/.npm/lib/x.js:2:3)',
      '',
    ]);
  });
});

describe('bugIn', () => {
  it('finds the fault of the program in whatever was thrown', () => {
    const fault = new TypeError('odd');
    expect(bugIn(fault)).toBe(fault);
    expect(bugIn(new OperatorError('bug', 'not attempted', { cause: fault }))).toBe(fault);
    const bare = new OperatorError('bug', 'odd');
    expect(bugIn(bare)).toBe(bare);
    expect(bugIn(new OperatorError('disk-full', 'full', { cause: fault }))).toBeUndefined();
  });
});
