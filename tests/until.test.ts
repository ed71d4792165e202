import { describe, expect, it } from 'vitest';
import { until } from '../src/until.ts';

const never = new Promise<never>(() => undefined);

describe('waiting with a signal', () => {
  it('gives what comes first: the result, its fault, or the signal', async () => {
    const { signal } = new AbortController();
    expect(await until(Promise.resolve(7), signal)).toBe(7);
    await expect(until(Promise.reject(new Error('fault')), signal)).rejects.toThrow('fault');
    const later = new AbortController();
    const waiting = until(never, later.signal);
    later.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('does not begin to wait when the signal was given before', async () => {
    await expect(until(never, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });

  it('waits to the end without a signal', async () => {
    expect(await until(Promise.resolve(7), undefined)).toBe(7);
  });
});
