import { UsageError } from '../errors/error.ts';

/** One thing that is wrong with a configuration file. */
export interface Problem {
  /** 1-based; absent when the fault has no place in the file, such as a file that cannot be read. */
  readonly line?: number;
  readonly column?: number;
  /** Dotted path of the field, such as `packages[1].window_days`; absent for faults of the YAML itself. */
  readonly field?: string;
  readonly text: string;
}

function renderProblem(file: string, problem: Problem): string {
  const place = problem.line === undefined ? file : `${file}:${problem.line}:${problem.column ?? 1}`;
  return [place, problem.field, problem.text].filter((part) => part !== undefined).join(': ');
}

/** A configuration that cannot be used, with every problem of the file in one report. */
export class ConfigError extends UsageError {
  override name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    const sorted = problems.toSorted(
      (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    );
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(
      [
        ...sorted.map((problem) => renderProblem(file, problem)),
        `${count} in ${file}; nothing was queried or written`,
      ].join('\n'),
      'configuration',
    );
    this.problems = sorted;
  }
}
