import { describe, expect, it } from 'vitest';
import { renderTable } from '../../src/commands/table.ts';

describe('renderTable', () => {
  it('lays cells out under their titles', () => {
    const columns = [
      { title: 'package', align: 'left', maxWidth: 8 },
      { title: 'count', align: 'right' },
      { title: 'state', align: 'left' },
    ] as const;
    expect(
      renderTable(columns, [
        ['a', '1,234,567', 'ok'],
        ['much-too-long', '2'],
      ]),
    ).toBe(['package       count  state', 'a         1,234,567  ok', 'much-to…          2', ''].join('\n'));
  });

  it('prints its titles when there is nothing else', () => {
    expect(renderTable([{ title: 'package', align: 'left' }], [])).toBe('package\n');
  });
});
