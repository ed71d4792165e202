import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config, SourceConfig } from './config.ts';
import { parseYaml } from './document.ts';
import { ConfigError } from './problems.ts';
import { exposedPaths, resolveConfig, resolveSource } from './resolve.ts';
import { validate } from './validate.ts';

function readText(file: string, cwd: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(resolve(cwd, file));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reasons: Record<string, string> = {
      ENOENT: 'there is no such file; name the right one with --config <file>',
      EACCES: 'you may not read this file; give the user that runs the collector read permission',
      EISDIR: 'this is a folder; name the tracked.yaml in it with --config <file>',
    };
    throw new ConfigError(file, [{ text: reasons[code ?? ''] ?? `cannot be read (${code})` }]);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(file, [{ text: 'the file is not UTF-8 text; save it as UTF-8' }]);
  }
}

function validText(text: string, file: string) {
  const document = parseYaml(text);
  if (document.problems.length > 0) throw new ConfigError(file, document.problems);
  const { tracked, problems } = validate(document);
  if (tracked === undefined) throw new ConfigError(file, problems);
  return { document, tracked };
}

/**
 * Turns the text of a tracked.yaml into a Config.
 *
 * @param file Its path as the user named it, for messages and as the base of relative paths.
 * @param cwd Absolute path that `file` is relative to.
 * @throws ConfigError with every problem of the text.
 */
export function parseConfig(text: string, file: string, cwd: string): Config {
  const { document, tracked } = validText(text, file);
  const config = resolveConfig(tracked, file, cwd);
  const exposed = exposedPaths(config, document);
  if (exposed.length > 0) throw new ConfigError(file, exposed);
  return config;
}

/**
 * Reads and checks a tracked.yaml.
 *
 * @throws ConfigError if it cannot be read or is wrong in any way.
 */
export function loadConfig(file: string, cwd: string): Config {
  return parseConfig(readText(file, cwd), file, cwd);
}

/**
 * A source as a tracked.yaml describes it, whether or not it is the one that it chooses; with its defaults where
 * there is no such file.
 *
 * @throws ConfigError if the file is wrong in any way, or does not describe a source that has no defaults.
 */
export function loadSource(kind: SourceConfig['kind'], file: string, cwd: string): SourceConfig {
  const tracked = existsSync(resolve(cwd, file)) ? validText(readText(file, cwd), file).tracked : undefined;
  if (kind === 'duckdb' && tracked?.duckdb === undefined) {
    throw new ConfigError(file, [{ field: 'duckdb.files', text: 'is missing; name the local files there' }]);
  }
  return resolveSource(kind, tracked ?? { service: { output_dir: '.' }, packages: [] }, file, cwd);
}
