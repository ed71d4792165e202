import { describe, expect, it } from 'vitest';
import { composeMessage, shorten, webhookAddress } from '../../deploy/systemd/failure-message.mjs';

const facts = { unit: 'pypi-badges-collect', host: 'badger', result: 'exit-code', exitStatus: '1', log: [] };

describe('composeMessage', () => {
  it('names the one of forty packages that failed, first and with what to do', () => {
    const packages = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`p-${index}`, { state: 'ok', count: 1 }]),
    );
    const error = 'BigQuery: the job failed; run again';
    const status = { packages: { ...packages, 'p-1': { state: 'failed', error, error_code: 'job-failed' } } };
    const { subject, lines } = composeMessage({ ...facts, status });
    expect(subject).toBe('pypi-badges-collect failed on badger');
    expect(lines).toEqual([
      '1 of 40 packages failed.',
      '',
      'p-1: BigQuery: the job failed; run again [job-failed]',
      '',
      '39 packages went well. Badges of the others keep their last good values.',
      '',
      'Look further with: journalctl -u pypi-badges-collect -n 100 -o cat',
    ]);
  });

  it('tells one cause of many failures once, then warnings', () => {
    const broken = { state: 'failed', error: 'permission denied; grant the role', error_code: 'permission' };
    const warnings = [{ code: 'no-rows', message: 'is the name right?' }];
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const status = {
      packages: {
        ...Object.fromEntries(names.map((name) => [name, broken])),
        odd: { state: 'ok', warnings },
      },
      warnings: [{ code: 'left-over', message: 'there are badges of gone' }],
    };
    expect(composeMessage({ ...facts, status }).lines).toEqual([
      '7 of 8 packages failed.',
      '',
      'a, b, c, d, e and 2 more: permission denied; grant the role [permission]',
      '',
      'Warnings:',
      'odd: is the name right?',
      'there are badges of gone',
      '',
      '1 package went well. Badges of the others keep their last good values.',
      '',
      expect.stringContaining('journalctl'),
    ]);
  });

  it('falls back on the log, in words, where a run came to nothing', () => {
    const log = [
      '{"level":"info","time":"t","package":"alpha","msg":"collected"}',
      '{"level":"error","time":"t","msg":"tracked.yaml: 1 problem"}',
      'node: not found',
    ];
    const { lines } = composeMessage({ ...facts, exitStatus: '2', log });
    expect(lines.slice(0, 6)).toEqual([
      'Result: exit-code, exit status: 2. Badges on disk keep their last good values.',
      '',
      'What it said, newest last:',
      'info: alpha: collected',
      'error: tracked.yaml: 1 problem',
      'node: not found',
    ]);
    // A run that wrote a health file without a failure failed for another reason, which only the log has.
    const well = { packages: { a: { state: 'ok' } } };
    expect(composeMessage({ ...facts, status: well, log }).lines).toContain('error: tracked.yaml: 1 problem');
  });
});

describe('shorten', () => {
  it('keeps what fits as it is', () => {
    expect(shorten(['a', 'b'], 3)).toBe('a\nb');
  });

  it('leaves out the end, whole lines, and says how many', () => {
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index} ${'x'.repeat(40)}`);
    const text = shorten(lines, 2000);
    expect(text.length).toBeLessThanOrEqual(2000);
    const shown = text.split('\n').length - 1;
    expect(text).toContain(`\n(${100 - shown} lines left out)`);
    expect(text.startsWith('line 0')).toBe(true);
  });

  it('cuts a line that is too long by itself', () => {
    const text = shorten(['head', '', 'y'.repeat(5000)], 2000);
    expect(text.length).toBeLessThanOrEqual(2000);
    expect(text).toMatch(/^head\n\ny{1900,}…\n/);
  });
});

describe('webhookAddress', () => {
  it.each([
    ['https://hooks.example.com/x?y=1', { url: 'https://hooks.example.com/x?y=1', headers: {} }],
    [
      // "user:p@ss" in base64, by `printf user:p@ss | base64`.
      'https://user:p%40ss@hooks.example.com/x',
      { url: 'https://hooks.example.com/x', headers: { authorization: 'Basic dXNlcjpwQHNz' } },
    ],
  ])('takes %s apart', (text, expected) => {
    expect(webhookAddress(text)).toEqual(expected);
  });
});
