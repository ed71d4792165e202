import { Command, CommanderError, Option } from 'commander';
import type { SnippetFormat } from './badges/snippet.ts';
import { checkArguments, namesOf } from './commands/arguments.ts';
import { type Context, Interruption } from './commands/context.ts';
import { journalPrefix, styleOf, TERMINAL_WIDTH, wrap } from './commands/output.ts';
import { checkEnvironment, LOG_LEVELS } from './config/environment.ts';
import { describeError, OperatorError, UsageError } from './errors/error.ts';
import { bugReport, type Circumstances } from './errors/report.ts';
import { SHOWN_FACETS } from './metric/facets.ts';
import { PUBLIC_SOURCE, SOURCE_KINDS, sourceName } from './sources/index.ts';

/** Exit codes; 128+n and 3 come from the commands. */
const EXIT = { failed: 1, usage: 2 };

const SNIPPETS: readonly SnippetFormat[] = ['markdown', 'rst', 'html', 'url'];

function list(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** An option that takes one of a few values. */
function oneOf(flags: string, description: string, values: readonly string[]): Option {
  return new Option(flags, description).choices(values);
}

/** What stands below the help of a command. */
function examples(...argv: readonly string[]): string {
  return `\nExamples:\n${argv.map((each) => `  pypi-badges ${each}`).join('\n')}`;
}

/** Declares the commands. Each is loaded only when it is run: `check` must not wait for BigQuery's client. */
function declare(version: string, context: Context, done: (exitCode: number) => void): Command {
  /** Runs a command with its arguments, the options of both it and the program, and the world. */
  const run =
    <A extends unknown[]>(load: () => Promise<(...args: A) => number | Promise<number>>) =>
    async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const work = await load();
      done(await work(...([...given.slice(0, -2), command.optsWithGlobals(), context] as unknown as A)));
    };
  const program = new Command('pypi-badges')
    .description('PyPI download badges: downloads by installers, not marked as CI.')
    .version(version)
    .option('-c, --config <file>', 'the list of packages and settings', 'tracked.yaml')
    .addOption(oneOf('--log-level <level>', 'what goes to stderr (also LOG_LEVEL)', LOG_LEVELS))
    .configureHelp({
      showGlobalOptions: true,
      minWidthToWrap: 12,
      subcommandTerm: (command) => `${command.name()} ${command.usage().replace(/\[options] ?/, '')}`.trim(),
    })
    .configureOutput({
      getOutHelpWidth: () => context.stdout.columns ?? TERMINAL_WIDTH,
      getErrHelpWidth: () => context.stderr.columns ?? TERMINAL_WIDTH,
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .addHelpText('after', examples('show requests', 'init requests', 'collect'))
    .exitOverride()
    .hook('preAction', () => checkEnvironment(context.env));

  program
    .command('init')
    .description('write a tracked.yaml for these packages; never overwrites')
    .argument('[name...]', 'names of packages on PyPI')
    .option('--action', 'write the GitHub workflow that collects the list, too; without names, only that')
    .addHelpText('after', examples('init requests', 'init requests flask --action'))
    .action(run(async () => (await import('./commands/init.ts')).init));

  program
    .command('collect')
    .description('count and publish the badges of every tracked package')
    .option('-p, --package <name>', 'only this package (repeatable)', list)
    .option('--as-of <YYYY-MM-DD>', 'end the windows before this day (default: today, UTC)')
    .option('--full', 'read every day of the windows again, and tell which had changed')
    .option('--dry-run', 'ask the source what would be read; write nothing')
    .option('--json', 'print _health.json instead of a table')
    .option('--wait <minutes>', 'keep trying for so many minutes if the source cannot be reached', '0')
    .option('--no-page', 'do not draw the page (index.html and one for each package)')
    .addHelpText('after', examples('collect', 'collect --package requests --dry-run'))
    .action(run(async () => (await import('./commands/collect.ts')).collect));

  program
    .command('show')
    .description('the breakdown of any package, now; needs no list and no account, and writes nothing')
    .argument('<name...>', 'names of packages on PyPI')
    .option('-d, --days <n>', 'length of the window, in days', '30')
    .option('--as-of <YYYY-MM-DD>', 'end the window before this day (default: today, UTC)')
    .addOption(oneOf('--source <source>', `by default ${sourceName(PUBLIC_SOURCE.kind).name}`, SOURCE_KINDS))
    .addOption(oneOf('--by <facet>', 'count the non-CI downloads by this instead', SHOWN_FACETS))
    .option('--of <versions>', "with --by: only of these versions, such as '2.*' or '>=1.4,<2'")
    .option('--markdown', 'with --by: print a table to paste')
    .option('--yes', 'with --by: pay without being asked')
    .option('--json', 'print it for programs')
    .addOption(
      new Option('--cite', 'how to cite the count: a sentence, BibTeX and Markdown').conflicts([
        'json',
        'by',
      ]),
    )
    .addHelpText(
      'after',
      examples('show requests', 'show requests httpx --days 7', 'show requests --by python'),
    )
    .action(run(async () => (await import('./commands/show.ts')).show));

  program
    .command('compare')
    .description("our breakdown of a package beside pypistats.org's, and why they differ; writes nothing")
    .argument('<name>', 'name of a package on PyPI')
    .option('-d, --days <n>', 'length of the window, in days', '30')
    .option('--json', 'print it for programs')
    .addHelpText('after', examples('compare requests --days 7'))
    .action(run(async () => (await import('./commands/compare.ts')).compare));

  program
    .command('doctor')
    .description('check credentials, permissions, folders, clock and freshness, and say how to fix them')
    .addHelpText('after', examples('doctor'))
    .action(run(async () => (await import('./commands/doctor.ts')).doctor));

  program
    .command('status')
    .description('how every package stands since the last run; exits 1 if any is stale or failed')
    .option('--json', 'print it for programs')
    .option('--prometheus', "print it for node_exporter's textfile collector")
    .addHelpText('after', examples('status', 'status --prometheus > pypi-badges.prom'))
    .action(run(async () => (await import('./commands/status.ts')).status));

  program
    .command('cost')
    .description('what the list has billed this month, what it will, and how many more packages fit')
    .option('--json', 'print it for programs, in bytes')
    .addHelpText('after', examples('cost'))
    .action(run(async () => (await import('./commands/cost.ts')).cost));

  program
    .command('embed')
    .description('badges ready to paste into a README')
    .option('-p, --package <name>', 'only this package (repeatable)', list)
    .option('-b, --badge <id>', 'this badge, such as installer-uv (repeatable; default: downloads)', list)
    .addOption(oneOf('-f, --format <format>', 'what is printed', SNIPPETS).default('markdown'))
    .option('--svg', 'show the SVG from public_url instead of going through shields.io')
    .addOption(
      new Option('--from <file>', "find others' badges in a README, and print what replaces them").conflicts([
        'package',
        'badge',
        'format',
      ]),
    )
    .option('--write', 'with --from: replace them in the file')
    .addHelpText(
      'after',
      examples('embed --package requests', 'embed --badge downloads --badge installer-uv --format rst'),
    )
    .action(run(async () => (await import('./commands/embed.ts')).embed));

  program
    .command('export')
    .description('the days that are kept of every package, by class, installer and system; for notebooks')
    .option('-p, --package <name>', 'only this package (repeatable)', list)
    .addOption(oneOf('--format <format>', 'what is written', ['csv', 'json', 'parquet']).default('csv'))
    .option('-o, --output <file>', 'write a file instead of the terminal; needed for parquet')
    .addHelpText('after', examples('export > days.csv', 'export --format parquet --output days.parquet'))
    .action(run(async () => (await import('./commands/export.ts')).exportDays));

  program
    .command('backfill')
    .description('read older days for totals; says what they cost, and asks before it pays')
    .requiredOption('--from <YYYY-MM-DD>', 'the first day that is wanted')
    .option('-p, --package <name>', 'only this package (repeatable)', list)
    .option('--dry-run', 'only say what it would cost')
    .option('--yes', 'pay without being asked')
    .addHelpText('after', examples('backfill --from 2025-01-01 --dry-run'))
    .action(run(async () => (await import('./commands/backfill.ts')).backfill));

  program
    .command('prune')
    .description('remove the badges, pages and ledgers of what is no longer listed or asked for')
    .option('--dry-run', 'only say what would be removed')
    .option('--mark', 'let the badges say that they are not renewed, instead of removing them; keep ledgers')
    .option('--yes', 'do it without being asked')
    .addHelpText('after', examples('prune --dry-run', 'prune --mark --yes'))
    .action(run(async () => (await import('./commands/prune.ts')).prune));

  program
    .command('report')
    .description('draw the page again from the last run, without querying')
    .addHelpText('after', examples('report'))
    .action(run(async () => (await import('./commands/report.ts')).report));

  program
    .command('check')
    .description('validate tracked.yaml, without network, and print what would be tracked')
    .addHelpText('after', examples('check --config lists/tracked.yaml'))
    .action(run(async () => (await import('./commands/check.ts')).check));

  return program;
}

/** The world as the commands see it: a fault of the program can be reported from wherever it is met. */
function commandContext(argv: readonly string[], version: string, context: Context): Context {
  const { cwd, env, issuesUrl, nodeVersion = process.versions.node } = context;
  const circumstances = (): Circumstances => ({
    version,
    issuesUrl,
    nodeVersion,
    platform: `${process.platform} ${process.arch}`,
    argv,
    names: namesOf(declare(version, context, () => undefined)),
    folders: [
      [cwd, '.'],
      [env['HOME'] ?? '', '~'],
    ],
  });
  return {
    ...context,
    version,
    product: `pypi-badges/${version} (+https://www.npmjs.com/package/pypi-badges)`,
    bugReport: (error) => bugReport(error, circumstances()),
  };
}

/**
 * Tells of anything that was thrown: an operator's error in its sentence, anything else with a report.
 *
 * @returns The exit code.
 */
function report(error: unknown, context: Context): number {
  const { env, stderr, bugReport: describe } = context;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
  if (error instanceof Interruption) return error.exitCode;
  const report = error instanceof OperatorError ? '' : `\n${describe?.(error)}`;
  const text = `${wrap(describeError(error), styleOf(stderr, env))}\n${report}`;
  stderr.write(text.replaceAll(/^(?=.)/gm, journalPrefix(context)));
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

/**
 * Runs one command line.
 *
 * @param argv What stands behind the command's name.
 * @param version What --version prints.
 * @returns The exit code. Nothing is thrown.
 */
export async function main(argv: readonly string[], version: string, context: Context): Promise<number> {
  let exitCode = 0;
  const world = commandContext(argv, version, context);
  const program = declare(version, world, (code) => {
    exitCode = code;
  });
  try {
    checkArguments(argv, program);
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, world);
  }
}

/** Reports an uncaught exception as main() reports others. Never throws. */
export function crash(error: unknown, argv: readonly string[], version: string, context: Context): number {
  return report(error, commandContext(argv, version, context));
}
