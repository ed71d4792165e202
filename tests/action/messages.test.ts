import { describe, expect, it } from 'vitest';
import { remoteFault } from '../../action/branch.mjs';
import { annotation, logLine, problemLines, summary } from '../../action/messages.mjs';

describe('annotation', () => {
  it('keeps text from ending the command', () => {
    expect(annotation('error', '50 %\nof it', { title: 'a:b,c', line: undefined })).toBe(
      '::error title=a%3Ab%2Cc::50 %25%0Aof it',
    );
    expect(annotation('notice', 'plain')).toBe('::notice::plain');
  });
});

describe('logLine', () => {
  it.each([
    [
      { level: 'error', package: 'a', error_code: 'timeout', msg: 'too long' },
      '::error title=pypi-badges a timeout::a: too long',
    ],
    [
      { level: 'warn', package: 'a', warning: 'no-rows', msg: 'a: none' },
      '::warning title=pypi-badges a no-rows::a: none',
    ],
    [{ level: 'warn', msg: 'the table is late' }, '::warning title=pypi-badges::the table is late'],
    [{ level: 'info', package: 'a', count: 3, msg: 'collected' }, 'a: collected'],
    [
      { level: 'error', error_code: 'bug', msg: 'a fault', report: 'x\n::stop-commands::y' },
      '::error title=pypi-badges bug::a fault\nx\n | ::stop-commands::y',
    ],
  ])('shows %j', (entry, expected) => {
    expect(logLine(JSON.stringify(entry))).toBe(expected);
  });

  it.each([
    ['not JSON', 'not JSON'],
    ['::add-mask::a', ' | ::add-mask::a'],
    ['  ##[error]b', '   | ##[error]b'],
    ['null', 'null'],
    ['{"msg": 1}', '{"msg": 1}'],
  ])('passes %s on without obeying it', (line, expected) => {
    expect(logLine(line)).toBe(expected);
  });
});

describe('problemLines', () => {
  it('puts each problem on its line of the file', () => {
    expect(
      problemLines('a.yaml:3:5: packages[0]: wrong\na.yaml: not there\n2 problems in a.yaml\n', 'a.yaml'),
    ).toEqual([
      '::error file=a.yaml,line=3,col=5::packages[0]: wrong',
      '::error file=a.yaml::a.yaml: not there',
      '2 problems in a.yaml',
    ]);
  });
});

describe('summary', () => {
  const health = {
    source: 'clickhouse',
    packages: {
      alpha: {
        windows: [{ window_days: 30, count: 1_234, excluded: { ci: 1_000, mirror: 6 } }],
        counted_to: '2026-04-24',
        warnings: [{ code: 'no-rows', message: 'is the *name* right?' }],
      },
      beta: {
        error: '<b>no</b> | such\ntable',
        error_code: 'not-found',
        window_days: 7,
        counted_to: '2026-04-20',
      },
    },
    warnings: [{ code: 'left-over', message: 'gamma' }],
  };
  const text = summary({
    health,
    snippets: '[![a](b)](c)',
    notes: ['it is new'],
    published: { branch: 'badges', url: 'https://x' },
  });

  it('has the figures, what needs attention, and the snippets', () => {
    expect(text).toContain('| alpha | 30d | 1,234 | 2,240 | 2026-04-24 | ok |');
    expect(text).toContain('| beta | 7d | - | - | 2026-04-20 | failed (not-found) |');
    expect(text).toContain('- it is new\n- **alpha** (no-rows): is the \\*name\\* right?');
    expect(text).toContain('- **beta** failed (not-found): &lt;b>no&lt;/b> \\| such table');
    expect(text).toContain('- (left-over): gamma');
    expect(text).toContain('Published to [badges](https://x)');
    expect(text).toContain('```markdown\n[![a](b)](c)\n```');
  });
});

describe('remoteFault', () => {
  // Words of git and GitHub.
  it.each([
    ['remote: error: GH006: Protected branch update failed for refs/heads/badges.', 'protected'],
    ['remote: error: GH013: Repository rule violations found for refs/heads/badges.', 'protected'],
    ['! [remote rejected] a -> badges (pre-receive hook declined)', 'protected'],
    [
      "remote: Permission to alice/project.git denied to github-actions[bot].\nfatal: unable to access 'https://github.com/alice/project.git/': The requested URL returned error: 403",
      'forbidden',
    ],
    ['remote: Write access to repository not granted.', 'forbidden'],
    ["fatal: could not read Username for 'https://github.com': terminal prompts disabled", 'credentials'],
    ['! [rejected] a -> badges (stale info)', 'moved'],
    [
      "! [remote rejected] a -> badges (cannot lock ref 'refs/heads/badges': is at 1 but expected 2)",
      'moved',
    ],
    ["fatal: unable to access 'https://github.com/': Could not resolve host: github.com", 'passing'],
    ["fatal: unable to access 'https://github.com/': The requested URL returned error: 502", 'passing'],
    ['fatal: something new', 'unknown'],
  ])('%s', (stderr, kind) => {
    expect(remoteFault(stderr)).toBe(kind);
  });
});
