import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pivotQuery, QUESTION } from '../../src/sources/sql.ts';

/** Of one package and of two, with names of files and without. */
const QUESTIONS = [['a'] as const, ['a', 'b'] as const].flatMap((packages) =>
  ['2026-08-25', '2026-08-24'].map((start) => ({ packages, span: { start, end: '2026-08-26' } })),
);

describe('the question', () => {
  it('has a number that is raised by hand: if its text changed but not its meaning, change this fingerprint alone', () => {
    const texts = QUESTIONS.map((question) => pivotQuery('`t`', question).sql).join('\n');
    const fingerprint = createHash('sha256').update(texts).digest('hex').slice(0, 16);
    expect([QUESTION, fingerprint]).toEqual([3, '4d2363a4d5e6e4f7']);
  });

  it('has a LIMIT of one more than a package and day can have: 25 installers, 5 systems, 3 flags, and one row for other files', () => {
    const span = { start: '2026-03-26', end: '2026-04-25' };
    const day = { ...span, start: '2026-04-24' };
    expect(pivotQuery('`t`', { packages: ['a'], span }).limit).toBe(30 * 376 + 1);
    expect(pivotQuery('`t`', { packages: ['a', 'b'], span: day }).limit).toBe(2 * 376 + 1);
  });
});
