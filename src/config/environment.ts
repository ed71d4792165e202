import { UsageError } from '../errors/error.ts';
import { type Allowed, misplacedSecret, UNEXPANDED } from '../errors/misplaced.ts';
import type { Env } from '../util.ts';

/** Names of pino's levels. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

interface Kind extends Allowed {
  /** Whether it is a path, in which ~ and $NAME are not expanded. */
  readonly path?: true;
  /** All that it takes; anything if absent. */
  readonly choices?: readonly string[];
}

/** Every variable that this program or a library of it reads, in capitals, by what should stand there. */
const VARIABLES: readonly (readonly [takes: string, names: string, kind?: Kind])[] = [
  ['the path of a credential file', 'GOOGLE_APPLICATION_CREDENTIALS', { path: true }],
  ['the path of a folder', 'CLOUDSDK_CONFIG HOME APPDATA', { path: true }],
  ['the path of a file of certificates', 'NODE_EXTRA_CA_CERTS SSL_CERT_FILE', { path: true }],
  ['an address such as localhost:9050', 'BIGQUERY_EMULATOR_HOST GCE_METADATA_HOST GCE_METADATA_IP'],
  ['an address such as https://example.com', 'CLICKHOUSE_URL PYPISTATS_URL'],
  ['a Google Cloud project id', 'GOOGLE_CLOUD_PROJECT GCLOUD_PROJECT GOOGLE_CLOUD_QUOTA_PROJECT'],
  ['a domain', 'GOOGLE_CLOUD_UNIVERSE_DOMAIN'],
  [
    'an address such as http://proxy.example.com:3128',
    'HTTPS_PROXY HTTP_PROXY ALL_PROXY',
    { password: true },
  ],
  ['a list of hosts, such as localhost,.example.com', 'NO_PROXY', { list: true }],
  [`one of ${LOG_LEVELS.join(', ')}`, 'LOG_LEVEL', { choices: LOG_LEVELS }],
  ['one word', 'METADATA_SERVER_DETECTION NO_COLOR TERM LANG LC_ALL LC_CTYPE'],
];

/** What is wrong with a variable, or undefined. */
function fault(name: string, value: string): string | undefined {
  const variable = VARIABLES.find(([, names]) => names.split(' ').includes(name.toUpperCase()));
  if (variable === undefined) return undefined;
  const [takes, , kind = {}] = variable;
  const text = kind.list || kind.password ? value.trim() : value;
  const found = misplacedSecret(text, kind);
  if (found !== undefined)
    return `${name} holds what looks like ${found}, which is not repeated here; it takes ${takes}`;
  if (kind.path && UNEXPANDED.test(text)) return `${name}: ${text} is not expanded; write the path out`;
  // A library also reads http_proxy; log_level is somebody else's.
  if (text === '' || name !== name.toUpperCase() || kind.choices?.includes(text) !== false) return undefined;
  return `${name}: ${JSON.stringify(text)} is unknown; it takes ${takes}`;
}

/**
 * Refuses variables of the environment in which something stands that they cannot take, such as the key
 * itself where the path of its file belongs.
 *
 * @throws UsageError that names every such variable and what its value looks like, and repeats nothing.
 */
export function checkEnvironment(env: Env): void {
  const faults = Object.entries(env).flatMap(([name, value = '']) => fault(name, value) ?? []);
  if (faults.length > 0) throw new UsageError(faults.join('\n'));
}
