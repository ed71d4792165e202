import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

describe('the Action in the documentation', () => {
  const read = (path: string) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');
  const page = read('docs/github-actions.md');
  const rows = (heading: string) => {
    const [, table = ''] = page.split(`| ${heading} |`);
    return [...(table.split('\n\n')[0] ?? '').matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
  };
  const action = parse(read('action.yml')) as { inputs: object; outputs: object };

  it('has its inputs and outputs', () => {
    expect(rows('input')).toEqual(Object.keys(action.inputs));
    expect(rows('output').toSorted()).toEqual(Object.keys(action.outputs).toSorted());
  });

  it('shows the workflow that is there to be copied', () => {
    const [, shown] = /^```yaml\n([\s\S]*?)^```$/m.exec(page) ?? [];
    expect(shown).toBe(read('examples/github-actions/badges.yml'));
  });
});

describe('workflows', () => {
  const workflows = join(import.meta.dirname, '../../.github/workflows');

  it.each(readdirSync(workflows))('%s pins every action by commit', (name) => {
    const text = readFileSync(join(workflows, name), 'utf8');
    const used = [...text.matchAll(/^ *(?:- )?uses: (\S+)(.*)/gm)].map(
      ([, uses = '', rest = '']) => `${uses}${rest}`,
    );
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((each) => each !== './' && !/@[0-9a-f]{40} # v\d/.test(each))).toEqual([]);
  });
});
