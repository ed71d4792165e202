import { describe, expect, it } from 'vitest';
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

describe('checkEnvironment', () => {
  it.each([
    [
      { GOOGLE_APPLICATION_CREDENTIALS: '{"type": "service_account"}' },
      'GOOGLE_APPLICATION_CREDENTIALS holds what looks like JSON, which is not repeated here; it takes the path of a credential file',
    ],
    [
      { BIGQUERY_EMULATOR_HOST: 'me:hunter2@localhost:9050' },
      'BIGQUERY_EMULATOR_HOST holds what looks like an address with a password, which is not repeated here; it takes an address such as localhost:9050',
    ],
    [
      { https_proxy: 'http://a:b@proxy:3128\nx' },
      'https_proxy holds what looks like several lines of text, which is not repeated here; it takes an address such as http://proxy.example.com:3128',
    ],
    [
      { CLOUDSDK_CONFIG: '$HOME/.config/gcloud' },
      'CLOUDSDK_CONFIG: $HOME/.config/gcloud is not expanded; write the path out',
    ],
    [
      { GOOGLE_APPLICATION_CREDENTIALS: '~/key.json', LOG_LEVEL: 'ya29.x' },
      'GOOGLE_APPLICATION_CREDENTIALS: ~/key.json is not expanded; write the path out\nLOG_LEVEL holds what looks like a token, which is not repeated here; it takes one of trace, debug, info, warn, error, fatal, silent',
    ],
  ])('refuses %j', (env, says) => {
    expect(refusal(env as Record<string, string>)).toBe(says);
  });

  it.each([
    [{}],
    [{ GOOGLE_APPLICATION_CREDENTIALS: '/etc/key.json', HOME: '/root', TERM: 'xterm-256color' }],
    [
      {
        HTTPS_PROXY: 'http://a:b@proxy:3128',
        NO_PROXY: `localhost\n${',.example.com'.repeat(900)}`.trim().replace('\n', ''),
      },
    ],
    [{ log_level: 'loud', LOG_LEVEL: '' }],
    [{ GOOGLE_CREDENTIALS: '{"type": "service_account"}', OTHER: 'a\nb' }],
  ])('accepts %j', (env) => {
    expect(refusal(env as Record<string, string>)).toBeUndefined();
  });
});
