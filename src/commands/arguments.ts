import type { Command, Option } from 'commander';
import { UsageError } from '../errors/error.ts';
import { misplacedSecret } from '../errors/misplaced.ts';

/** Every option that any command has. */
function optionsOf(program: Command): Option[] {
  return [program, ...program.commands].flatMap(({ options }) => options);
}

/** All that a command line may hold beside values: the names of commands and options. */
export function namesOf(program: Command): string[] {
  const commands = program.commands.map((command) => command.name());
  const flags = optionsOf(program).flatMap(({ short, long }) => [short, long]);
  return [...commands, ...flags].filter((name) => name !== undefined);
}

/**
 * Refuses a command line in which something stands that can be no path, name or day, such as a key.
 *
 * @throws UsageError that says where, what it looks like and what belongs there, and repeats nothing.
 */
export function checkArguments(argv: readonly string[], program: Command): void {
  const options = optionsOf(program);
  for (const [index, argument] of argv.entries()) {
    // `--config=x` and `-cx` hold their value.
    const [, flag, value = ''] =
      /^(--[^=]+)=([\s\S]*)$|^(-\w)([\s\S]+)$/.exec(argument)?.filter(Boolean) ?? [];
    const texts = [argument, argument.replace(/^-+/, ''), value];
    const [secret] = texts.flatMap((text) => misplacedSecret(text) ?? []);
    if (secret === undefined) continue;
    const name = flag ?? argv[index - 1];
    const option = options.find(({ short, long }) => name !== undefined && (name === short || name === long));
    const where = option?.long ?? `argument ${index + 1}`;
    const takes = option === undefined ? 'see pypi-badges --help' : `${option.flags}: ${option.description}`;
    throw new UsageError(
      `${where} holds what looks like ${secret}, which is not repeated here; what belongs there: ${takes}`,
    );
  }
}
