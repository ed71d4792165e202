// tracked.yaml as the Action runs it: the caller's own, with the places of this run. Pure.
import { resolve } from 'node:path';
import { parseDocument, stringify } from 'yaml';

/** Dotted paths of the keys of tracked.yaml that hold a path: those whose pattern is output_dir's. */
export function pathKeys(schema) {
  const { pattern } = schema.properties.service.properties.output_dir;
  return Object.entries(schema.properties).flatMap(([section, { properties = {} }]) =>
    Object.entries(properties)
      .filter(([, key]) => key.pattern === pattern)
      .map(([name]) => [section, name]),
  );
}

/** tracked.yaml for a list of names and nothing else. */
export function listToYaml(packages) {
  return stringify({ service: { output_dir: 'output' }, packages });
}

/**
 * The configuration of a run: valid YAML of the caller, with its relative paths made absolute, and with the
 * source and the places that the Action chooses.
 *
 * @param text A tracked.yaml that `check` accepts.
 * @param folder Absolute path of the folder that its paths are relative to.
 * @param schema The JSON Schema of tracked.yaml.
 * @param places outputDir, stateDir: absolute paths. source: kind of the source, or undefined for the file's
 * own, or else ClickHouse, which needs no account. publicUrl, rawUrl: the address that was asked for, and the one to use where
 * neither it nor the file says any.
 */
export function runConfig(text, folder, schema, { outputDir, stateDir, source, publicUrl, rawUrl }) {
  const document = parseDocument(text);
  for (const path of pathKeys(schema)) {
    const value = document.getIn(path);
    if (typeof value === 'string') document.setIn(path, resolve(folder, value));
  }
  const service = (key) => document.getIn(['service', key]);
  document.setIn(['service', 'output_dir'], outputDir);
  document.setIn(['service', 'state_dir'], stateDir);
  document.setIn(['service', 'source'], source ?? service('source') ?? 'clickhouse');
  document.setIn(['service', 'public_url'], publicUrl ?? service('public_url') ?? rawUrl);
  return document.toString();
}
