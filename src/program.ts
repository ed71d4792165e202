import { Command, CommanderError } from 'commander';
import type { Context } from './commands/context.ts';
import { journalPrefix } from './commands/log.ts';
import { describeError, OperatorError, UsageError } from './errors/error.ts';

/** Exit codes; 128+n and 3 come from the commands. */
const EXIT = { failed: 1, usage: 2 };

function list(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** Declares the commands. Each is loaded only when it is run: `check` must not wait for BigQuery's client. */
function declare(version: string, context: Context, done: (exitCode: number) => void): Command {
  const program = new Command('pypi-badges')
    .description('Honest PyPI download badges: CI runs, mirrors and scanners winnowed out.')
    .version(version)
    .option('-c, --config <file>', 'the list of packages and settings', 'tracked.yaml')
    .option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent (also LOG_LEVEL)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .exitOverride();

  program
    .command('collect')
    .description('count, winnow and publish the badges of every tracked package')
    .option('-p, --package <name>', 'only this package (repeatable)', list)
    .option('--as-of <YYYY-MM-DD>', 'end the windows before this day (default: today, UTC)')
    .option('--full', 'read every day of the windows again, and tell which had changed')
    .option('--dry-run', 'ask the source what would be read; write nothing')
    .option('--json', 'print _health.json instead of a table')
    .option('--no-page', 'do not draw the page (index.html and one for each package)')
    .action(async (_, command: Command) => {
      const { collect } = await import('./commands/collect.ts');
      done(await collect(command.optsWithGlobals(), context));
    });

  program
    .command('doctor')
    .description('check credentials, permissions, folders, clock and freshness, and say how to mend them')
    .action(async (_, command: Command) => {
      const { doctor } = await import('./commands/doctor.ts');
      done(await doctor(command.optsWithGlobals(), context));
    });

  program
    .command('status')
    .description('how every package stands since the last run; exits 1 if any is stale or failed')
    .option('--json', 'print it for programs')
    .option('--prometheus', "print it for node_exporter's textfile collector")
    .action(async (_, command: Command) => {
      const { status } = await import('./commands/status.ts');
      done(await status(command.optsWithGlobals(), context));
    });

  program
    .command('cost')
    .description('what the list has billed this month, what it will, and how many more packages fit')
    .option('--json', 'print it for programs, in bytes')
    .action(async (_, command: Command) => {
      const { cost } = await import('./commands/cost.ts');
      done(await cost(command.optsWithGlobals(), context));
    });

  program
    .command('embed')
    .description('badges ready to paste into a README')
    .option('-p, --package <name>', 'only this package (repeatable)', list)
    .option('-b, --badge <id>', 'this badge, such as installer-uv (repeatable; default: downloads)', list)
    .option('-f, --format <format>', 'markdown, rst, html or url', 'markdown')
    .option('--svg', 'show the SVG from public_url instead of going through shields.io')
    .action(async (_, command: Command) => {
      const { embed } = await import('./commands/embed.ts');
      done(embed(command.optsWithGlobals(), context));
    });

  program
    .command('report')
    .description('draw the page again from the last run, without querying')
    .action(async (_, command: Command) => {
      const { report: redraw } = await import('./commands/report.ts');
      done(await redraw(command.optsWithGlobals(), context));
    });

  program
    .command('check')
    .description('validate tracked.yaml, without network, and print what would be tracked')
    .action(async (_, command: Command) => {
      const { check } = await import('./commands/check.ts');
      done(check(command.optsWithGlobals(), context));
    });

  return program;
}

function report(error: unknown, context: Context): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
  context.stderr.write(`${describeError(error).replaceAll(/^/gm, journalPrefix(context))}\n`);
  if (!(error instanceof OperatorError) && context.env['LOG_LEVEL'] === 'debug' && error instanceof Error) {
    context.stderr.write(`${error.stack}\n`);
  }
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
  const program = declare(version, context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, context);
  }
}
