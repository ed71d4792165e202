import { UsageError } from '../errors/error.ts';
import { type Allowed, misplacedSecret, UNEXPANDED } from '../errors/misplaced.ts';

type Env = Readonly<Record<string, string | undefined>>;

interface Variable extends Allowed {
  /** What should stand there. */
  readonly takes: string;
  /** Whether it is a path, in which ~ and $NAME are not expanded. */
  readonly path?: true;
}

const KEY_FILE: Variable = { takes: 'the path of a credential file', path: true };
const FOLDER: Variable = { takes: 'the path of a folder', path: true };
const HOST: Variable = { takes: 'an address such as localhost:9050' };
const SERVER: Variable = { takes: 'an address such as https://example.com' };
const PROJECT: Variable = { takes: 'a Google Cloud project id' };
const PROXY: Variable = { takes: 'an address such as http://proxy.example.com:3128', password: true };
const HOSTS: Variable = { takes: 'a list of hosts, such as localhost,.example.com', list: true };
const WORD: Variable = { takes: 'one word' };

/** Every variable that this program or a library of it reads, in capitals. */
const VARIABLES: Readonly<Record<string, Variable>> = {
  GOOGLE_APPLICATION_CREDENTIALS: KEY_FILE,
  CLOUDSDK_CONFIG: FOLDER,
  HOME: FOLDER,
  APPDATA: FOLDER,
  NODE_EXTRA_CA_CERTS: { takes: 'the path of a file of certificates', path: true },
  SSL_CERT_FILE: { takes: 'the path of a file of certificates', path: true },
  BIGQUERY_EMULATOR_HOST: HOST,
  GCE_METADATA_HOST: HOST,
  GCE_METADATA_IP: HOST,
  METADATA_SERVER_DETECTION: WORD,
  CLICKHOUSE_URL: SERVER,
  PYPISTATS_URL: SERVER,
  GOOGLE_CLOUD_PROJECT: PROJECT,
  GCLOUD_PROJECT: PROJECT,
  GOOGLE_CLOUD_QUOTA_PROJECT: PROJECT,
  GOOGLE_CLOUD_UNIVERSE_DOMAIN: { takes: 'a domain' },
  HTTPS_PROXY: PROXY,
  HTTP_PROXY: PROXY,
  ALL_PROXY: PROXY,
  NO_PROXY: HOSTS,
  LOG_LEVEL: WORD,
  NO_COLOR: WORD,
  TERM: WORD,
  LANG: WORD,
  LC_ALL: WORD,
  LC_CTYPE: WORD,
};

/** What is wrong with a variable, or undefined. */
function fault(name: string, value: string): string | undefined {
  const variable = VARIABLES[name.toUpperCase()];
  if (variable === undefined) return undefined;
  const text = variable.list || variable.password ? value.trim() : value;
  const found = misplacedSecret(text, variable);
  if (found !== undefined) {
    return `${name} holds what looks like ${found}, which is not repeated here; it takes ${variable.takes}`;
  }
  return variable.path && UNEXPANDED.test(text)
    ? `${name}: ${text} is not expanded; write the path out`
    : undefined;
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
