import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bigQueryProject } from '../support/bigquery-project.ts';
import { runCommand } from '../support/command.ts';
import { keyFile, leakOf, material, pieces, randomText, rsaPem, type Secret } from '../support/secrets.ts';

const PEM = rsaPem();
const FILE = keyFile(PEM);
const PASSWORD = randomText(12);
const KEY: Secret = { kind: 'a key', text: FILE, fragments: pieces(material(PEM)) };
const BASE64 = Buffer.from(FILE).toString('base64');
const ENCODED: Secret = { kind: 'a key in base64', text: BASE64, fragments: pieces(BASE64) };
const LOGIN: Secret = { kind: 'a password', text: `me:${PASSWORD}@localhost:9050`, fragments: [PASSWORD] };

const LIST = 'service:\n  output_dir: output\npackages:\n  - alpha\n';
const indented = FILE.replaceAll(/^/gm, '    ');

/** What people did: the secret, what the environment and tracked.yaml were, and what the message must name. */
const MISPLACED: [
  string,
  Secret,
  { env?: Record<string, string>; list?: string; argv?: string[] },
  RegExp,
][] = [
  [
    'the key in a variable',
    KEY,
    { env: { GOOGLE_APPLICATION_CREDENTIALS: FILE } },
    /^GOOGLE_APPLICATION_CREDENTIALS holds what looks like the content of a key file, .* it takes the path/,
  ],
  [
    'the key in base64 in a variable',
    ENCODED,
    { env: { GOOGLE_APPLICATION_CREDENTIALS: BASE64 } },
    /^GOOGLE_APPLICATION_CREDENTIALS .* a key file, in base64/,
  ],
  [
    'the key under credential_file',
    KEY,
    { list: LIST.replace('packages', `  credential_file: |\n${indented}\npackages`) },
    /^tracked\.yaml:3:20: service\.credential_file: found what looks like the content of a key file/,
  ],
  [
    'the key under an unknown key',
    KEY,
    { list: `${LIST}google_key: |\n${indented}\n` },
    /^tracked\.yaml:5:1: google_key: unknown key/,
  ],
  [
    'a login before the host',
    LOGIN,
    { env: { BIGQUERY_EMULATOR_HOST: LOGIN.text } },
    /^BIGQUERY_EMULATOR_HOST holds what looks like an address with a password/,
  ],
  [
    'a login in public_url',
    LOGIN,
    { list: LIST.replace('packages', `  public_url: https://${LOGIN.text}\npackages`) },
    /^tracked\.yaml:3:15: service\.public_url: found what looks like an address with a password/,
  ],
  [
    'the key on the command line',
    KEY,
    { argv: ['--config', FILE] },
    /^--config holds what looks like the content of a key file/,
  ],
];

describe('the built command refuses, and repeats not a fragment of,', () => {
  it.each(MISPLACED)('%s', async (_, secret, { env = {}, list = LIST, argv = [] }, says) => {
    const project = await bigQueryProject(['alpha']);
    for (const name of ['collect', 'check', 'doctor']) {
      writeFileSync(join(project.folder, 'tracked.yaml'), list);
      const result = await runCommand(project.folder, [name, ...argv], { env: { ...project.env, ...env } });
      expect([result.exitCode, result.stdout]).toEqual([2, '']);
      expect(result.stderr).toMatch(says);
      expect(leakOf(secret, result.stderr)).toBeUndefined();
      expect(Object.keys(project.files()).toSorted()).toEqual(['key.json', 'tracked.yaml']);
    }
  });
});

describe('the built command keeps secret', () => {
  it("a proxy's password, which may stand in its address", async () => {
    const project = await bigQueryProject(['alpha'], {}, { bigquery: '  query_timeout_seconds: 1\n' });
    const env = { HTTPS_PROXY: `http://me:${PASSWORD}@127.0.0.1:1`, LOG_LEVEL: 'trace', DEBUG: '*' };
    const noisy = { ...env, NODE_DEBUG: 'http,https,tls', GOOGLE_SDK_NODE_LOGGING: '*' };
    project.put('key.json', FILE);
    for (const argv of [['collect'], ['doctor']]) {
      const { stdout, stderr } = await runCommand(project.folder, argv, { env: noisy });
      const { 'key.json': _, ...files } = project.files();
      for (const text of [stdout, stderr, ...Object.values(files)]) {
        expect(text).not.toContain(PASSWORD);
        expect(text).not.toContain(Buffer.from(`me:${PASSWORD}`).toString('base64'));
        expect(leakOf(KEY, text)).toBeUndefined();
      }
    }
  });
});
