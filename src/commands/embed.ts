import { BADGES, COMPARISON_FOLDER, COMPARISONS, findBadge, isWanted } from '../badges/catalogue.ts';
import { type SnippetFormat, shieldsRefuses, snippet } from '../badges/snippet.ts';
import { loadConfig, selectTracked } from '../config/config.ts';
import { nearest } from '../config/document.ts';
import { UsageError } from '../errors/error.ts';
import { sourceName } from '../sources/index.ts';
import type { Context, GlobalOptions } from './context.ts';
import { embedFrom } from './embed-from.ts';

export interface EmbedOptions extends GlobalOptions {
  readonly package?: readonly string[];
  readonly badge?: readonly string[];
  readonly format: SnippetFormat;
  readonly svg?: boolean;
  /** Path of a README whose badges of others are to be replaced. */
  readonly from?: string;
  readonly write?: boolean;
}

/** The kinds of badge that were named, in the order of the catalogue; the main one if none was. */
function selectKinds(names: readonly string[] = ['downloads']) {
  const known = BADGES.map(({ id }) => id);
  const kinds = names.map((name) => {
    const kind = findBadge(name);
    if (kind !== undefined) return kind;
    const meant = nearest(name, known);
    const hint = meant === undefined ? '' : ` did you mean ${meant}?`;
    throw new UsageError(`--badge ${name}: unknown;${hint} choose from ${known.join(', ')}, python>=3.10`);
  });
  return [...BADGES.filter((kind) => kinds.includes(kind)), ...kinds.filter(({ id }) => !known.includes(id))];
}

/**
 * `embed`: prints badges ready to paste, one for each package or group, kind and window.
 *
 * @throws UsageError if an option is wrong, or the address of the badges is not known.
 */
export async function embed(options: EmbedOptions, context: Context): Promise<number> {
  const config = loadConfig(options.config, context.cwd);
  const tracked = selectTracked(config, options.package);
  if (options.write && options.from === undefined) {
    throw new UsageError('--write replaces badges of a README: name it with --from <file>');
  }
  const selected = selectKinds(options.badge);
  const comparisons = COMPARISONS.filter((kind) => selected.includes(kind));
  const kinds = selected.filter((kind) => !comparisons.includes(kind));
  const { format } = options;
  const { publicUrl, compareChart } = config;
  const unasked = (id: string) => `--badge ${id}: tracked.yaml does not ask for it`;
  const [comparison] = comparisons;
  if (comparison !== undefined && compareChart === undefined) {
    throw new UsageError(`${unasked(comparison.id)}; write compare_chart: [a, b]`);
  }
  for (const kind of kinds) {
    const without = tracked.filter(({ looks }) => !isWanted(kind, looks)).map(({ name }) => name);
    if (without.length === 0) continue;
    const some = without.slice(0, 5).join(', ');
    throw new UsageError(`${unasked(kind.id)} for ${some}; write under badges: extra: [${kind.extra}]`);
  }
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
  const picture = options.svg ? 'svg' : 'shields';
  if (options.from !== undefined) {
    return embedFrom(options.from, options.write === true, config, publicUrl, picture, context);
  }
  const { shortName } = sourceName(config.source.kind);
  const chart = { name: COMPARISON_FOLDER, title: compareChart?.join(', '), windows: [], kinds: comparisons };
  const badges = [...tracked.map((each) => ({ ...each, kinds })), chart].flatMap((each) =>
    each.kinds.flatMap((kind) =>
      (kind.windowless ? [undefined] : each.windows).map((windowDays) => {
        return { package: each.name, title: each.title, kind, windowDays, sourceName: shortName };
      }),
    ),
  );
  const snippets = badges.map((badge) => snippet(badge, publicUrl, format, picture));
  context.stdout.write(`${snippets.join(format === 'rst' ? '\n\n' : '\n')}\n`);
  return 0;
}
