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

const COMMANDS: readonly (readonly string[])[] = [
  ...['collect', 'check', 'doctor', 'status', 'cost', 'embed', 'report'].map((name) => [name]),
  ...[
    ['collect', '--dry-run'],
    ['collect', '--json', '--log-level', 'trace'],
    ['status', '--json'],
  ],
];

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

const variables: Place[] = [
  ...['GOOGLE_APPLICATION_CREDENTIALS', 'BIGQUERY_EMULATOR_HOST', 'CLICKHOUSE_URL', 'PYPISTATS_URL'],
  ...['GOOGLE_CLOUD_PROJECT', 'GCLOUD_PROJECT', 'CLOUDSDK_CONFIG', 'GCE_METADATA_HOST', 'LOG_LEVEL'],
  ...['NO_PROXY', 'HOME', 'METADATA_SERVER_DETECTION', 'no_proxy', 'NODE_EXTRA_CA_CERTS'],
].map((name, index) => ({ name, env: (text) => ({ [name]: text }), secrets: third(index) }));

const proxies: Place[] = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'https_proxy'].map((name) => ({
  name,
  env: (text) => ({ [name]: text }),
  takes: ({ kind }) => /password/.test(kind),
}));

/** Variables that the program does not read are none of its business. */
const own: Place[] = ['GOOGLE_CREDENTIALS', 'DEPLOY_TOKEN', 'UNRELATED'].map((name) => ({
  name,
  env: (text) => ({ [name]: text }),
  takes: () => true,
  secrets: third(0),
}));

/** Three ways to write a text in YAML, each for a third of the secrets; of the last, the parser itself complains now and then. */
const STYLES: readonly ((text: string) => string)[] = [
  (text) => JSON.stringify(text),
  (text) => `|\n${text.replaceAll(/^/gm, '      ')}`,
  (text) => text,
];

const LIST = {
  service: { output_dir: 'output', source: 'duckdb', public_url: 'https://badges.example.com' } as Record<
    string,
    string
  >,
  duckdb: { files: 'rows.ndjson' } as Record<string, string>,
};

function listWith(section: string, key: string, value: string): string {
  const sections = { ...LIST, [section]: { ...LIST[section as 'service'], [key]: value } };
  const lines = Object.entries(sections).map(
    ([name, fields]) =>
      `${name}:\n${Object.entries(fields)
        .map(([field, text]) => `  ${field}: ${text}\n`)
        .join('')}`,
  );
  return `${lines.join('')}packages:\n  - demo\n`;
}

const schema = trackedJsonSchema() as {
  properties: Record<string, { properties?: Record<string, unknown> }>;
};

const fields: Place[] = Object.entries(schema.properties).flatMap(([section, { properties = {} }]) =>
  [...Object.keys(properties), 'unknown_key', 'password'].flatMap((key) =>
    STYLES.map((style, index) => ({
      name: `${section}.${key}, style ${index}`,
      list: (text: string) => listWith(section, key, style(text)),
      secrets: third(key.length + index),
    })),
  ),
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
const odd: Place[] = Object.entries(LISTS).map(([name, list]) => ({ name, list }));

const OPTIONS = '--config -c --log-level --package -p --as-of --badge --format --nonsense'.split(' ');
const words: Place[] = [
  ...OPTIONS.flatMap((option, index): Place[] => [
    {
      name: `${option} x`,
      argv: (text, command) => [...command, option, text],
      secrets: third(index),
    },
    {
      name: `${option}=x`,
      argv: (text, command) => [...command, `${option}${option.startsWith('--') ? '=' : ''}${text}`],
      secrets: third(index + 1),
    },
  ]),
  { name: 'an argument', argv: (text, command) => [...command, text] },
  { name: 'a command', argv: (text) => [text] },
  { name: 'an option', argv: (text, command) => [...command, `--${text}`] },
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
  const places = [...variables, ...proxies, ...own, ...fields, ...odd, ...words];
  it.each(places.map((place) => [place.name, place] as const))('of %s', async (_, place) => {
    const { folder } = localProject(['demo'], [{ at: '2026-04-20', installer: 'pip', system: 'Linux' }]);
    const look = watch(folder);
    for (const secret of place.secrets ?? SECRETS) {
      // Each secret in each place, and each place through each command, in turn.
      const command = COMMANDS[turn++ % COMMANDS.length] ?? [];
      writeFileSync(
        join(folder, 'tracked.yaml'),
        place.list?.(secret.text) ?? listWith('service', 'source', 'duckdb'),
      );
      const argv = place.argv?.(secret.text, command) ?? command;
      const { exitCode, stdout, stderr } = await runMain(folder, argv, {
        env: place.env?.(secret.text) ?? {},
      });
      const what = `${secret.kind}, ${command.join(' ')}`;
      expect(leakOf(secret, stdout), `${what}, on stdout`).toBeUndefined();
      expect(leakOf(secret, stderr), `${what}, on stderr: ${stderr}`).toBeUndefined();
      look(secret);
      if (place.takes?.(secret)) continue;
      expect(exitCode, `${what}: ${stdout}${stderr}`).toBe(2);
      expect(stdout).toBe('');
      expect(readdirSync(folder).toSorted()).toEqual(['rows.ndjson', 'tracked.yaml']);
    }
  });

  it('of a password that the program has read, if the server repeats it', async () => {
    const known = { HTTPS_PROXY: 'http://me:sw0rdfish@127.0.0.1:1', NO_PROXY: '127.0.0.1,localhost' };
    const fault = { status: 400, reason: 'odd', message: 'via http://me:sw0rdfish@127.0.0.1:1' };
    const project = await bigQueryProject(['alpha'], {
      trouble: [{ on: 'insert', package: 'alpha', fault }],
    });
    const env = { ...project.env, ...known };
    const { stdout, stderr } = await runMain(project.folder, ['collect', '--as-of', '2026-04-25'], { env });
    expect(project.health().packages['alpha']?.['error']).toContain('via http://[removed]@127.0.0.1:1');
    for (const text of [stdout, stderr, ...Object.values(project.files())]) {
      expect(text).not.toContain('sw0rdfish');
    }
  });

  // What a server repeats is known by how it looks only as it is: neither encoded nor cut out of its file.
  const PLAIN = /^a private key|^an elliptic|^a key file( in one line)?$|^an access|^an identity|^an address/;
  it.each(SECRETS.filter(({ kind }) => PLAIN.test(kind)).map((secret) => [secret.kind, secret] as const))(
    'if the server repeats %s',
    async (_, secret) => {
      const message = `Access Denied: the key ${secret.text} is not valid`;
      const project = await bigQueryProject(['alpha'], {
        trouble: [{ on: 'insert', package: 'alpha', fault: { status: 400, reason: 'odd', message } }],
      });
      const argv = ['collect', '--as-of', '2026-04-25', '--log-level', 'trace'];
      const { exitCode, stdout, stderr } = await runMain(project.folder, argv, { env: project.env });
      expect(exitCode).toBe(1);
      const { 'key.json': _key, 'tracked.yaml': _list, ...files } = project.files();
      expect(Object.keys(files)).toContain('output/_health.json');
      for (const [name, text] of Object.entries({ stdout, stderr, ...files })) {
        expect(leakOf(secret, text), name).toBeUndefined();
      }
      expect(project.health().packages['alpha']?.['error']).toContain('[removed]');
    },
  );
});
