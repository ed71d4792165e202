import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGate } from '../../src/errors/gate.ts';
import { redact } from '../../src/errors/redact.ts';
import { ecPem, everySecret, leakOf, material, pieces, randomText, rsaPem } from '../support/secrets.ts';

const SECRETS = everySecret();

/** How texts travel: as they are, in JSON, in JSON inside JSON, in a page, in an address. */
const WRAPPINGS: [string, (text: string) => string][] = [
  ['as it is', (text) => text],
  ['in a sentence', (text) => `credential_file ${text}: there is no such file`],
  ['in quotes', (text) => `found ${JSON.stringify(text)}; allowed: a path`],
  ['in a line of the log', (text) => `${JSON.stringify({ level: 'error', msg: `x ${text} y` })}\n`],
  ['in JSON inside JSON', (text) => JSON.stringify({ body: JSON.stringify({ text }) })],
  ['in a page', (text) => `<p>${text.replaceAll('"', '&quot;').replaceAll("'", '&#39;')}</p>`],
  ['in an address', (text) => `https://example.com/?q=${encodeURIComponent(text)}&x=1`],
  ['in a path', (text) => `/etc/pypi-badges/${text}/key.json`],
  ['in base64', (text) => `x ${Buffer.from(text).toString('base64')} y`],
];

describe('redact', () => {
  it.each(
    SECRETS.flatMap((secret) => WRAPPINGS.map(([how, wrap]) => [secret.kind, how, secret, wrap] as const)),
  )('takes out %s %s', (_kind, _how, secret, wrap) => {
    const cleaned = redact(wrap(secret.text));
    expect(leakOf(secret, cleaned)).toBeUndefined();
    expect(cleaned).toContain('[removed]');
    expect(redact(cleaned)).toBe(cleaned);
  });

  it.each([
    ['a -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- b', 'a [removed] b'],
    ['a -----BEGIN RSA PRIVATE KEY-----\nMIIE', 'a [removed]'],
    ['a "-----BEGIN RSA PRIVATE KEY-----\\nMIIE" b', 'a "[removed]" b'],
    ['Authorization: Bearer abc.def-123', 'Authorization: [removed]'],
    ['"authorization":"Basic dXNlcjpwYXNz"', '"authorization":"[removed]"'],
    ['Proxy-Authorization: Basic dXNlcjpwYXNz', 'Proxy-Authorization: [removed]'],
    ['"a\\nBearer abc.def-123"', '"a\\n[removed]"'],
    ['token ya29.a0Af_x-y', 'token [removed]'],
    ['jwt eyJhbGciOi.eyJpc3Mi.c2ln-_x', 'jwt [removed]'],
    ['refresh 1//0gabcdefghijklmnopqrstuvwxyz', 'refresh [removed]'],
    ['key AIzaSyA1234567890abcdefghijklmnopqrstuv', 'key [removed]'],
    ['xoxb-1234-5678-abcdefgh', '[removed]'],
    ['{"client_secret":"a b","x":1}', '{"client_secret":"[removed]","x":1}'],
    ['{\\"password\\":\\"a,b\\",\\"x\\":1}', '{\\"password\\":\\"[removed]\\",\\"x\\":1}'],
    ['{"password":"a\\"bcd\\\\","x":1}', '{"password":"[removed]","x":1}'],
    ['{"password":"a\\"bcd","x":1}', '{"password":"[removed]","x":1}'],
    ['password: hunter2', 'password: [removed]'],
    ['password: |\n  hunter\nx: 1', 'password: [removed]\nx: 1'],
    ['unknown option --password=hunter', 'unknown option --password=[removed]'],
    ['https://user:hunter2@db.example.com:8443/x', 'https://[removed]@db.example.com:8443/x'],
    ['https://user:hun/t@er2@db.example.com', 'https://[removed]@db.example.com'],
    ['to user:hunter2@localhost:9050', 'to [removed]@localhost:9050'],
    ['https://discord.com/api/webhooks/1/abc_DEF', 'https://discord.com/api/webhooks/[removed]'],
    [
      'https://api.telegram.org/bot123456789:AAabcdefghijklmnopqrstuvwxyz01234567/x',
      'https://api.telegram.org/bot[removed]/x',
    ],
  ])('turns %j into %j', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  it.each([
    ['a table', 'Not found: Table bigquery-public-data:pypi.file_downloads'],
    ['a job', `[job pypi-badges_${randomUUID()}] bqjob_r4d1c2b3a_0000018f_1`],
    [
      'an account',
      'serviceAccount:badges@acme-billing-4711.iam.gserviceaccount.com lacks bigquery.jobs.create',
    ],
    ['a perimeter', `policyViolation vpcServiceControlsUniqueIdentifier: ${randomText(86)}.`],
    ['a perimeter in JSON', `{"vpcServiceControlsUniqueIdentifier":"${randomText(54)}"}`],
    ['a request', `x-request-id: ${randomBytes(32).toString('base64')}`],
    ['a policy', `script-src 'sha256-${randomBytes(32).toString('base64')}'`],
    ['a path of a drawing', '<path d="M1h2V3l4Z5m6H7v8L9z0M1h2V3l4.5H6v7-8L9m1"/>'],
    ['a picture', `<img src="data:image/png;base64,${randomBytes(300).toString('base64')}">`],
    [
      'a path',
      '/home/Jane.Doe/Projects2026/PyPI-Badges/node_modules/@google-cloud/bigquery/build/src/bigquery.js:1042:17',
    ],
    ['a store', '/nix/store/5rnfzla9kcx4mj5zdc7nlnv8na1najvg-nodejs-22.11.0/bin/node'],
    ['an address with a port', 'http://127.0.0.1:3128/path@2x'],
    [
      'a snippet',
      '[![d](https://img.shields.io/endpoint?url=https%3A%2F%2Fbadges.example.com%2Fdemo%2Fdownloads-30d-non-ci.json)](https://pypi.org/project/demo/)',
    ],
    ['an unknown key', 'tracked.yaml:3:3: service.password: unknown key. Allowed: output_dir, state_dir'],
    ['a challenge', 'www-authenticate: Bearer realm="https://accounts.google.com/", error="invalid_token"'],
    ["a proxy's challenge", 'Proxy-Authenticate: Basic realm="corp proxy"'],
    [
      'an impersonation',
      'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/badges@acme-4711.iam.gserviceaccount.com:generateAccessToken',
    ],
    [
      'a federation',
      '{"subject_token_type":"urn:ietf:params:oauth:token-type:jwt","audience":"//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/my-pool-1/providers/GitHub"}',
    ],
    ['what a token lacks', 'invalid_grant: id_token: audience mismatch; subject_token_type is not supported'],
    [
      'a sentence',
      'Basic authentication is required; the Bearer token is too old; Unexpected token } in JSON',
    ],
    ['code', 'TypeError: maximumBytesBilled of FontFaceSetLoadEventInit in WebGL2RenderingContextBase'],
  ])('leaves %s alone', (_, text) => {
    expect(redact(text)).toBe(text);
  });

  it.each(SECRETS.map((secret) => [secret.kind, secret] as const))(
    'keeps a file of JSON whole that says %s, wherever that is cut',
    (_, secret) => {
      for (let length = 1; length <= secret.text.length; length += Math.ceil(secret.text.length / 150)) {
        const around = ['a "b" c', "it's {\\}", 'pypi-badges_1'];
        for (const part of [secret.text.slice(0, length), secret.text.slice(-length)]) {
          const written = JSON.stringify(
            { a: around, error: `x ${part}`, said: JSON.stringify({ part }), b: around },
            null,
            2,
          );
          const cleaned = redact(written);
          const { a, b } = JSON.parse(cleaned);
          expect([a, b]).toEqual([around, around]);
          expect(redact(cleaned)).toBe(cleaned);
        }
      }
    },
  );

  it('leaves package names alone, however long', () => {
    const letters = 'abcdefghijklmnopqrstuvwxyz0123456789-'.split('');
    const name = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 200 });
    fc.assert(fc.property(name, (text) => redact(`"${text}": ok`) === `"${text}": ok`));
    for (const text of [
      'Flask-SQLAlchemy-2-Extension-For-Python3-And-X509',
      'zope.app.ApplicationControl2',
    ]) {
      expect(redact(text)).toBe(text);
    }
  });

  it('lets no key through, whatever stands around it', () => {
    const keys = [rsaPem(), ecPem()].map(material);
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom(...keys),
        fc.nat(64),
        fc.string(),
        (before, key, skip, after) => {
          const cleaned = redact(`${before} ${key.slice(skip)} ${after}`);
          return pieces(key).every((piece) => !cleaned.includes(piece));
        },
      ),
    );
  });

  it('ends at once, whatever it is given', () => {
    const hostile = ['-----BEGIN ', 'password="', 'a:b@', 'eyJ', '%7B', 'sk-', '/', 'aB3', '\\', '-----END '];
    for (const part of hostile) {
      const started = performance.now();
      redact(part.repeat(20_000));
      expect(performance.now() - started, part).toBeLessThan(5_000);
    }
  });
});

describe('createGate', () => {
  const password = 'p@ss/w"rd';
  const gate = createGate({
    HTTPS_PROXY: `http://someone:${password}@proxy:3128`,
    DEPLOY_TOKEN: 'tiger-lily',
    SHORT_KEY: 'abc',
    TLS_KEY: '/etc/ssl/private/key.pem',
    ENCODED_URL: 'https://u:%C3%A4rger-1@host',
    FEATURE_KEY: 'true',
    HOME: '/home/jane',
  });

  it.each([
    ['as it is', password],
    ['in JSON', JSON.stringify(password)],
    ['percent-encoded', encodeURIComponent(password)],
    ['in base64', Buffer.from(`someone:${password}`).toString('base64')],
    ['in base64, further on', Buffer.from(`{"a":"${password}"}`).toString('base64')],
    ['in base64url', Buffer.from(`x${password}yz`).toString('base64url')],
    ['in a page', 'p@ss/w&quot;rd'],
    ['of a variable that is named so', 'tiger-lily'],
    ['of any address', 'ärger-1'],
    ['of any address, percent-encoded', '%C3%A4rger-1'],
  ])('removes a known secret %s', (_, text) => {
    const cleaned = gate(`it said ${text}.`);
    expect(cleaned).toMatch(/^it said .*\[removed\].*\.$/);
    for (const part of ['p@ss', 'w"rd', 'tiger', 'rger-1']) expect(cleaned).not.toContain(part);
  });

  it('keeps what only looks as if it were known', () => {
    const text = 'abc, /etc/ssl/private/key.pem, true, someone, proxy:3128, /home/jane';
    expect(gate(text)).toBe(text);
  });

  it('removes what looks like a secret, too', () => {
    expect(gate('Bearer abc.def-123')).toBe('[removed]');
    expect(createGate({})('Bearer abc.def-123')).toBe('[removed]');
  });
});
