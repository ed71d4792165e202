import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseDocument, stringify } from 'yaml';
import exampleWorkflow from '../../examples/github-actions/tracked-list.yml?raw';
import { type Config, loadConfig, parseConfig } from '../config/config.ts';
import { ensureFolder, lookAt, probeFolder, replaceFile } from '../disk/files.ts';
import { UsageError } from '../errors/error.ts';
import { plural } from '../format.ts';
import { sum } from '../util.ts';
import { type Context, commandLine, type GlobalOptions } from './context.ts';
import { say } from './output.ts';
import { selectNames } from './select.ts';

export type InitOptions = GlobalOptions & { readonly action?: boolean };

/** Where the workflow is written, from the root of its repository. */
const WORKFLOW = '.github/workflows/badges.yml';

const listText = (names: readonly string[]) => `# What pypi-badges counts, and where it writes.
service:
  source: clickhouse    # free, without an account; or bigquery
  output_dir: output    # badges and page, beside this file, for a web server to serve
  # public_url: https://badges.example.com    # where output_dir is served; embed needs it
badges:
  label: downloads
packages:
${names.map((name) => `  - ${stringify(name)}`).join('')}`;

/** The root of the repository that a folder is in, where GitHub looks for workflows; the folder itself if it is in none. */
function repositoryRoot(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (at === dirname(at)) return folder;
  }
}

/** The workflow that collects a list: the example, for this list, at a minute of its own, as GitHub and ClickHouse are shared. */
function workflowText({ packages }: Config, list: string): string {
  const letters = packages.map(({ name }) => name).join();
  const minute = 1 + (sum(letters, (letter) => letter.charCodeAt(0)) % 59);
  const workflow = parseDocument(exampleWorkflow);
  workflow.setIn(['on', 'schedule', 0, 'cron'], `${minute} 6 * * *`);
  // GitHub reads a pattern here.
  workflow.setIn(['on', 'push', 'paths', 0], list.replaceAll(/[*?+[!\\]/g, '\\$&'));
  if (list !== 'tracked.yaml') workflow.setIn(['jobs', 'badges', 'steps', 1, 'with', 'config'], list);
  return workflow.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** @throws UsageError if there is something of this name. */
function refuseExisting(path: string, name: string): void {
  if (lookAt(path) !== undefined) {
    throw new UsageError(`${name} exists already, and is not overwritten; remove it first`);
  }
}

/**
 * `init`: writes a tracked.yaml of these packages, and with `--action` the workflow that collects it on GitHub; without
 * names only the workflow, for a list that is there. Nothing is overwritten, and nothing written if one of the two is there.
 *
 * @throws UsageError if a name is none, or a file is there already; OperatorError if the disk refuses.
 */
export async function init(
  names: readonly string[],
  { action = false, config: file }: InitOptions,
  { cwd, env, stdout }: Context,
): Promise<number> {
  const isNew = names.length > 0;
  if (!isNew && !action) throw new UsageError('name a package, as in: pypi-badges init requests');
  const path = resolve(cwd, file);
  if (isNew) refuseExisting(path, file);
  const text = listText(selectNames(names));
  const config = isNew ? parseConfig(text, file, cwd) : loadConfig(file, cwd);
  const root = repositoryRoot(dirname(path));
  const files = new Map(isNew ? [[path, text]] : []);
  if (action) {
    const workflow = join(root, WORKFLOW);
    refuseExisting(workflow, relative(cwd, workflow));
    files.set(workflow, workflowText(config, relative(root, path)));
  }
  for (const each of files.keys()) await probeFolder(dirname(each));
  for (const [each, content] of files) {
    await ensureFolder(dirname(each));
    await replaceFile(each, content, true);
  }

  const written = [...files.keys()].map((each) => relative(cwd, each));
  const owner = `  Write the owner of the pypi-badges repository for OWNER in ${written.at(-1)}.\n`;
  const next = action
    ? `${exampleWorkflow.includes('OWNER/') ? owner : ''}  Commit to the default branch, and push.
  On GitHub: Actions, Badges, Run workflow. The summary of the run has the lines for your README.`
    : `  ${commandLine(env, 'collect', file)}    counts, and writes the badges to ${relative(cwd, config.outputDir)}`;
  const count = plural(config.packages.length, 'package');
  say(stdout, env, `Wrote ${written.join(' and ')} (${count}).\n\nNext:\n${next}`);
  return 0;
}
