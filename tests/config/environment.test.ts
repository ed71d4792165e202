import { expect, it } from 'vitest';
import { checkEnvironment } from '../../src/config/environment.ts';
import { UsageError } from '../../src/errors/error.ts';

function refusal(env: Record<string, string>): string | undefined {
  try {
    checkEnvironment(env);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as UsageError).message;
  }
  return undefined;
}

const looks = (name: string, what: string, takes: string) =>
  `${name} holds what looks like ${what}, which is not repeated here; it takes ${takes}`;
const LEVELS = 'one of trace, debug, info, warn, error, fatal, silent';

it.each([
  ['GOOGLE_APPLICATION_CREDENTIALS', '{"type": "x"}', 'JSON', 'the path of a credential file'],
  [
    'BIGQUERY_EMULATOR_HOST',
    'me:x@localhost',
    'an address with a password',
    'an address such as localhost:9050',
  ],
  ['NO_PROXY', 'a\nx', 'several lines of text', 'a list of hosts, such as localhost,.example.com'],
  ['https_proxy', 'ya29.x', 'a token', 'an address such as http://proxy.example.com:3128'],
])('refuses in %s %j', (name, value, what, takes) => {
  expect(refusal({ [name]: value })).toBe(looks(name, what, takes));
});

it('refuses what only a shell expands, and names all that is wrong', () => {
  const env = {
    CLOUDSDK_CONFIG: '$HOME/.config/gcloud',
    GOOGLE_APPLICATION_CREDENTIALS: '~/key.json',
    LOG_LEVEL: '{',
  };
  expect(refusal(env)?.split('\n').toSorted()).toEqual([
    'CLOUDSDK_CONFIG: $HOME/.config/gcloud is not expanded; write the path out',
    'GOOGLE_APPLICATION_CREDENTIALS: ~/key.json is not expanded; write the path out',
    looks('LOG_LEVEL', 'JSON', LEVELS),
  ]);
});

it.each<Record<string, string>>([
  {},
  { GOOGLE_APPLICATION_CREDENTIALS: '/etc/key.json', HOME: '/root', TERM: 'xterm-256color' },
  { HTTPS_PROXY: 'http://a:b@proxy:3128', NO_PROXY: `localhost${',.example.com'.repeat(900)}` },
  { log_level: 'loud', LOG_LEVEL: '' },
  { GOOGLE_CREDENTIALS: '{"type": "service_account"}', OTHER: 'a\nb' },
])('accepts %j', (env) => {
  expect(refusal(env)).toBeUndefined();
});
