import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { trackedJsonSchema } from '../../src/config/schema.ts';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { runMain } from '../support/context.ts';
import { localProject } from '../support/project.ts';
import { everySecret, leakOf, type Secret } from '../support/secrets.ts';

/*
 * The promise of SECURITY.md: whatever secret stands in whatever place that the program reads, it is refused, and not a
 * fragment of it comes out of any command, neither on the terminal nor in a file.
 */

const SECRETS = everySecret();

const COMMANDS = [
  ...['collect', 'check', 'doctor', 'status', 'cost', 'embed', 'report', 'collect --dry-run'],
  ...['collect --json --log-level trace', 'status --json'],
].map((line) => line.split(' '));

/** Where a secret is put: what changes of the environment, the list or the command line. */
interface Place {
  readonly name: string;
  readonly env?: (text: string) => Record<string, string>;
  readonly list?: (text: string) => string;
  readonly argv?: (text: string, command: readonly string[]) => readonly string[];
  /** Whether a secret of this kind may stand there: then it is kept out of sight only. */
  readonly takes?: (secret: Secret) => boolean;
  /** Those that are put there; all of them if absent. */
  readonly secrets?: readonly Secret[];
}

/** Another third of the secrets for each of three places that are alike. */
const third = (index: number) => SECRETS.filter((_, at) => (at + index) % 3 === 0);

const variables = (names: string, more?: Omit<Place, 'name'>): Place[] =>
  names
    .split(/\s+/)
    .map((name, index) => ({ name, env: (text) => ({ [name]: text }), secrets: third(index), ...more }));

const environment: Place[] = [
  ...variables(`GOOGLE_APPLICATION_CREDENTIALS BIGQUERY_EMULATOR_HOST CLICKHOUSE_URL PYPISTATS_URL LOG_LEVEL
    GOOGLE_CLOUD_PROJECT GCLOUD_PROJECT CLOUDSDK_CONFIG GCE_METADATA_HOST NODE_EXTRA_CA_CERTS
    NO_PROXY no_proxy HOME METADATA_SERVER_DETECTION`),
  ...variables('HTTPS_PROXY HTTP_PROXY ALL_PROXY https_proxy', {
    takes: ({ kind }) => /password/.test(kind),
  }),
  // Variables that the program does not read are none of its business.
  ...variables('GOOGLE_CREDENTIALS DEPLOY_TOKEN UNRELATED', { takes: () => true }),
];

/** Three ways to write a text in YAML, each for a third of the secrets; of the last, the parser itself complains now and then. */
const STYLES: readonly ((text: string) => string)[] = [
  (text) => JSON.stringify(text),
  (text) => `|\n${text.replaceAll(/^/gm, '      ')}`,
  (text) => text,
];

const LIST: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  service: { output_dir: 'output', source: 'duckdb', public_url: 'https://badges.example.com' },
  duckdb: { files: 'rows.ndjson' },
};

/** The list, with another value in one place. */
function listWith(section: string, key: string, value: string): string {
  const sections = { ...LIST, [section]: { ...LIST[section], [key]: value } };
  const lines = Object.entries(sections).map(([name, fields]) =>
    [`${name}:\n`, ...Object.entries(fields).map(([field, text]) => `  ${field}: ${text}\n`)].join(''),
  );
  return `${lines.join('')}packages:\n  - demo\n`;
}

const schema = trackedJsonSchema() as { properties: Record<string, { properties?: object }> };

const keys = Object.entries(schema.properties).flatMap(([section, { properties = {} }]) =>
  [...Object.keys(properties), 'unknown_key', 'password'].map((key) => [section, key] as const),
);
const fields = keys.flatMap(([section, key]) =>
  STYLES.map((style, index): Place => {
    const list = (text: string) => listWith(section, key, style(text));
    return { name: `${section}.${key}, style ${index}`, list, secrets: third(key.length + index) };
  }),
);

const base = listWith('service', 'source', 'duckdb');
const quoted = (text: string) => JSON.stringify(text);
const oneLine = (text: string) => text.replaceAll('\n', '');
const LISTS: Record<string, (text: string) => string> = {
  'a package': (text) => `${base}  - ${quoted(text)}\n`,
  'a package, unquoted': (text) => `${base}  - ${text}\n`,
  'a package twice': (text) => `${base}  - ${quoted(text)}\n  - ${quoted(text)}\n`,
  'a name': (text) => `${base}  - name: ${quoted(text)}\n    window_days: 7\n`,
  'a window': (text) => `${base}  - name: other\n    window_days: ${quoted(text)}\n`,
  'a key at the top': (text) => `${quoted(text)}: 1\n${base}`,
  'a key in a section': (text) => base.replace('duckdb:\n', `duckdb:\n  ${quoted(text)}: 1\n`),
  'a key of a package': (text) => `${base}  - name: other\n    ${quoted(text)}: 1\n`,
  'a key twice': (text) => `${quoted(text)}: 1\n${quoted(text)}: 1\n${base}`,
  'a tag': (text) => `${base}x: !${oneLine(text)} 1\n`,
  'an alias': (text) => `${base}x: *${oneLine(text)}\n`,
  'an anchor': (text) => `${base}x: &${oneLine(text)} 1\n`,
  'an escape': (text) => `${base}x: "\\${oneLine(text)}"\n`,
  'a directive': (text) => `%${text.replaceAll('\n', ' ')}\n---\n${base}`,
  'a block header': (text) => `${base}x: |${oneLine(text)}\n`,
  'the whole file': (text) => text,
  'the end of the file': (text) => `${base}${text}`,
};
const odd = Object.entries(LISTS).map(([name, list]): Place => ({ name, list }));

/** Words behind a command; the secret stands for @. */
const OPTIONS = [
  ...['--config', '--log-level', '--package', '--as-of', '--badge', '--format', '--nonsense'].flatMap(
    (name) => [`${name} @`, `${name}=@`],
  ),
  ...['-c @', '-c@', '-p @', '-p@', '@', '--@'],
];
const fill = (words: string, text: string) => words.split(' ').map((word) => word.replace('@', () => text));
const words: Place[] = [
  ...OPTIONS.map((name, index): Place => {
    return { name, argv: (text, command) => [...command, ...fill(name, text)], secrets: third(index) };
  }),
  { name: 'a command', argv: (text) => [text] },
  { name: 'help', argv: (text) => ['help', text] },
];

/** Looks at every file below a folder that was written since it last looked. */
function watch(folder: string) {
  const seen = new Map<string, number>();
  return (secret: Secret) => {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, file);
      expect(leakOf(secret, file), `in the name ${file}`).toBeUndefined();
      const stat = statSync(path);
      if (!stat.isFile() || file === 'tracked.yaml' || seen.get(path) === stat.mtimeMs) continue;
      seen.set(path, stat.mtimeMs);
      expect(leakOf(secret, readFileSync(path, 'utf8')), `in ${file}`).toBeUndefined();
    }
  };
}

let turn = 0;

describe('no fragment of a secret comes out', () => {
  const places = [...environment, ...fields, ...odd, ...words];
  it.each(places.map((place) => [place.name, place] as const))('of %s', async (_, place) => {
    const { folder } = localProject(['demo'], [{ at: '2026-04-20', installer: 'pip', system: 'Linux' }]);
    const look = watch(folder);
    for (const secret of place.secrets ?? SECRETS) {
      // Each secret in each place, and each place through each command, in turn.
      const command = COMMANDS[turn++ % COMMANDS.length] ?? [];
      writeFileSync(join(folder, 'tracked.yaml'), place.list?.(secret.text) ?? base);
      const argv = place.argv?.(secret.text, command) ?? command;
      const env = place.env?.(secret.text) ?? {};
      const { exitCode, stdout, stderr } = await runMain(folder, argv, { env });
      const what = `${secret.kind}, ${command.join(' ')}`;
      expect(leakOf(secret, stdout), `${what}, on stdout`).toBeUndefined();
      expect(leakOf(secret, stderr), `${what}, on stderr: ${stderr}`).toBeUndefined();
      look(secret);
      if (place.takes?.(secret)) continue;
      expect(exitCode, `${what}: ${stdout}${stderr}`).toBe(2);
      expect([stdout, ...readdirSync(folder).toSorted()]).toEqual(['', 'rows.ndjson', 'tracked.yaml']);
    }
  });

  /** What comes out of a run whose server repeats a text. */
  async function afterRefusal(message: string, env: Record<string, string> = {}) {
    const fault = { status: 400, reason: 'odd', message };
    const project = await bigQueryProject(['alpha'], {
      trouble: [{ on: 'insert', package: 'alpha', fault }],
    });
    const argv = ['collect', '--as-of', '2026-04-25', '--log-level', 'trace'];
    const ran = await runMain(project.folder, argv, { env: { ...project.env, ...env } });
    expect(ran.exitCode).toBe(1);
    const { 'key.json': _key, 'tracked.yaml': _list, ...files } = project.files();
    return { said: project.health().packages['alpha']?.['error'], texts: { ...ran, exitCode: '', ...files } };
  }

  it('of a password that the program has read, if the server repeats it', async () => {
    const env = { HTTPS_PROXY: 'http://me:sw0rdfish@127.0.0.1:1', NO_PROXY: '127.0.0.1,localhost' };
    const { said, texts } = await afterRefusal('via http://me:sw0rdfish@127.0.0.1:1', env);
    expect(said).toContain('via http://[removed]@127.0.0.1:1');
    expect(Object.values(texts).join('')).not.toContain('sw0rdfish');
  });

  // What a server repeats is known by how it looks only as it is: neither encoded nor cut out of its file.
  const PLAIN = /^a private key|^an elliptic|^a key file( in one line)?$|^an access|^an identity|^an address/;
  it.each(SECRETS.filter(({ kind }) => PLAIN.test(kind)).map((secret) => [secret.kind, secret] as const))(
    'if the server repeats %s',
    async (_, secret) => {
      const { said, texts } = await afterRefusal(`Access Denied: the key ${secret.text} is not valid`);
      expect(said).toContain('[removed]');
      for (const [name, text] of Object.entries(texts)) expect(leakOf(secret, text), name).toBeUndefined();
    },
  );
});
