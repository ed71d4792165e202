import { expect, it } from 'vitest';
import { bugReport } from '../../src/errors/report.ts';

function linesOf(error: unknown, argv: string, issuesUrl?: string): string[] {
  const report = bugReport(error, {
    ...{ version: '1.2.3', nodeVersion: '22.1.0', platform: 'linux x64', issuesUrl },
    argv: argv.split(' '),
    names: ['collect', '-p', '--package', '-c', '--config', '--json'],
    folders: [
      ['/home/jane', '~'],
      ['/home/jane/my badges', '.'],
      ['', '~'],
    ],
  });
  return report.split('\n');
}

it('names versions, platform and the command without its values', () => {
  const argv = '-c/srv/private.yaml collect --package=hush -p secret-name --json --odd=x';
  expect(linesOf('words', argv, 'https://example.com/issues')).toEqual([
    'This is a fault of pypi-badges. Please open an issue at https://example.com/issues with these lines:',
    '',
    'pypi-badges 1.2.3, Node.js 22.1.0, linux x64',
    'command: pypi-badges -c collect --package -p --json',
    'words',
    '',
  ]);
});

it('sends nobody nowhere where there is no address', () => {
  expect(linesOf('words', '')[0]).toBe(
    'This is a fault of pypi-badges. This copy does not know where issues are opened; please send these lines to whoever you have it from:',
  );
});

it('has the stack and its cause, without folders of this machine', () => {
  const cause = Object.assign(new Error('Invalid URL'), {
    input: 'http://me:hush@host',
    stack: 'Error: Invalid URL\n    at g (/home/jane/.npm/lib/x.js:2:3)',
  });
  const error = new TypeError('odd', { cause });
  error.stack =
    'TypeError: odd\n    at f (file:///home/jane/my%20badges/dist/cli.js:1:2)\n    at /home/jane/my badges/y.js';
  expect(linesOf(error, '').slice(4)).toEqual([
    'TypeError: odd',
    '    at f (file://./dist/cli.js:1:2)',
    '    at ./y.js',
    'caused by: Error: Invalid URL',
    '    at g (~/.npm/lib/x.js:2:3)',
    '',
  ]);
});
