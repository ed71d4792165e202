/** What a report of a fault says beside the fault itself. */
export interface Circumstances {
  /** Version of pypi-badges. */
  readonly version: string;
  /** Where issues are opened; undefined where this copy does not know it. */
  readonly issuesUrl: string | undefined;
  /** Version of Node.js, without a v. */
  readonly nodeVersion: string;
  /** Such as `linux x64`. */
  readonly platform: string;
  /** What stands behind the command's name. */
  readonly argv: readonly string[];
  /** Names of the commands and options: they are no values. */
  readonly names: readonly string[];
  /** Folders that must not be in a report, and what to write instead, such as the home folder and `~`. */
  readonly folders: readonly (readonly [folder: string, instead: string])[];
}

/** A command line without its values: names of commands and options. */
function withoutValues({ argv, names }: Circumstances): string {
  const known = argv.flatMap((argument) => {
    // `--config=x` and `-cx` hold their value.
    const parts = [argument, argument.split('=')[0] ?? '', argument.slice(0, 2)];
    return parts.find((part) => names.includes(part)) ?? [];
  });
  return ['pypi-badges', ...known].join(' ');
}

/**
 * The stack of anything thrown, with those of what caused it. Other fields are left out: of an invalid address, for one,
 * they hold all of it.
 */
export function stackOf(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined || depth > 4
    ? own
    : `${own}\ncaused by: ${stackOf(error.cause, depth + 1)}`;
}

function withoutFolders(text: string, { folders }: Circumstances): string {
  const known = folders.filter(([folder]) => folder.length > 1).toSorted(([a], [b]) => b.length - a.length);
  return known.reduce(
    (rest, [folder, instead]) => rest.replaceAll(folder, instead).replaceAll(encodeURI(folder), instead),
    text,
  );
}

/**
 * A report of a fault of this program, ready to be sent: versions, platform, the command without its
 * values, and the stack without folders of this machine. It ends with a line break.
 */
export function bugReport(error: unknown, circumstances: Circumstances): string {
  const { version, issuesUrl, nodeVersion, platform } = circumstances;
  const where =
    issuesUrl === undefined
      ? 'This copy does not know where issues are opened; please send these lines to whoever you have it from'
      : `Please open an issue at ${issuesUrl} with these lines`;
  return `This is a fault of pypi-badges. ${where}:

pypi-badges ${version}, Node.js ${nodeVersion}, ${platform}
command: ${withoutValues(circumstances)}
${withoutFolders(stackOf(error), circumstances)}
`;
}
