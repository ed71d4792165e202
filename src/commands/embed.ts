import { ALL_KINDS, type NamedKind } from '../badges/catalogue.ts';
import { SNIPPET_FORMATS, type SnippetFormat, shieldsRefuses, snippet } from '../badges/snippet.ts';
import { asGroup, type TrackedGroup, type TrackedPackage } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { EXTRAS } from '../config/looks.ts';
import { nearest } from '../config/suggest.ts';
import { UsageError } from '../errors/error.ts';
import { sourceName } from '../sources/index.ts';
import type { Context, GlobalOptions } from './context.ts';
import { selectTracked } from './select.ts';

export interface EmbedOptions extends GlobalOptions {
  readonly package?: readonly string[];
  readonly badge?: readonly string[];
  readonly format?: string;
  readonly svg?: boolean;
}

function selectFormat(text = 'markdown'): SnippetFormat {
  const format = SNIPPET_FORMATS.find((each) => each === text);
  if (format !== undefined) return format;
  throw new UsageError(`--format ${text}: unknown; choose one of ${SNIPPET_FORMATS.join(', ')}`);
}

/** The kinds of badge that were named, in the order of the catalogue; the hero if none was. */
function selectKinds(ids: readonly string[] = ['downloads']): NamedKind[] {
  const known = ALL_KINDS.map(({ id }) => id);
  for (const id of ids) {
    if (known.includes(id)) continue;
    const meant = nearest(id, known);
    const hint = meant === undefined ? '' : ` did you mean ${meant}?`;
    throw new UsageError(`--badge ${id}: unknown;${hint} choose from ${known.join(', ')}`);
  }
  return ALL_KINDS.filter(({ id }) => ids.includes(id));
}

function titleOf(tracked: TrackedPackage | TrackedGroup): { title?: string } {
  const group = asGroup(tracked);
  return group === undefined ? {} : { title: group.title };
}

/**
 * `embed`: prints badges ready to paste, one for each package or group, kind and window.
 *
 * @throws UsageError if an option is wrong, or the address of the badges is not known.
 */
export function embed(options: EmbedOptions, context: Context): number {
  const config = loadConfig(options.config, context.cwd);
  const tracked = selectTracked(config, options.package);
  const kinds = selectKinds(options.badge);
  const format = selectFormat(options.format);
  const { publicUrl } = config;
  for (const extra of EXTRAS.filter((id) => kinds.some((kind) => kind.id === id))) {
    const without = tracked.filter(({ looks }) => !looks?.extra?.includes(extra)).map(({ name }) => name);
    if (without.length > 0) {
      throw new UsageError(
        `--badge ${extra}: tracked.yaml does not ask for it for ${without.slice(0, 5).join(', ')}; write under badges: extra: [${extra}]`,
      );
    }
  }
  const counted = sourceName(config.source.kind);
  if (publicUrl === undefined) {
    throw new UsageError(
      `${options.config}: service.public_url is missing, so nobody knows where the badges are served; add a line such as\n  public_url: https://badges.example.com`,
    );
  }
  const refused = options.svg ? undefined : shieldsRefuses(publicUrl);
  if (refused !== undefined) {
    throw new UsageError(
      `service.public_url is ${publicUrl}, and ${refused}; use --svg for pictures from your own server, or change the address`,
    );
  }
  const snippets = tracked.flatMap((each) =>
    kinds.flatMap((kind) =>
      (kind.windowless ? [undefined] : each.windows).map((windowDays) =>
        snippet(
          { package: each.name, ...titleOf(each), kind, windowDays, sourceName: counted.name },
          publicUrl,
          format,
          options.svg ? 'svg' : 'shields',
        ),
      ),
    ),
  );
  context.stdout.write(`${snippets.join(format === 'rst' ? '\n\n' : '\n')}\n`);
  return 0;
}
