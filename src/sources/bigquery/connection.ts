import { Agent } from 'node:http';
import { BigQuery } from '@google-cloud/bigquery';
import { type AuthClient, Compute, GoogleAuth, gaxios, gcpMetadata } from 'google-auth-library';
import { sanitizeMessage, UsageError } from '../../errors/error.ts';
import { abortable, type Env, isObject, jsonOf, type Loose } from '../../util.ts';
import { openHttp } from '../http.ts';
import { proxyFor } from '../proxy.ts';
import { type Endpoint, fault, SourceError } from '../source.ts';
import { accountOf, type Credentials, findCredentials, type Identity } from './credentials.ts';
import {
  type AuthEndpoint,
  BIGQUERY,
  faultOfAnswer,
  IAM,
  METADATA,
  STS,
  SUBJECT,
  signInFault,
  TOKEN,
} from './fault.ts';
import type { BigQueryConfig } from './index.ts';

/** A request to BigQuery's REST API (https://cloud.google.com/bigquery/docs/reference/rest). */
export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  /** Behind `/projects/<project>`, with a slash at its beginning. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Whether to send it also if the clock is wrong: it ends what was begun. */
  readonly skipClockCheck?: true;
}

/** Google refuses what a key has signed when the clock is off by more. */
const GOOGLE_CLOCK = { whose: "Google's", mostMs: 5 * 60_000 };

/** What the tokens are good for. */
const SCOPES = ['https://www.googleapis.com/auth/bigquery'];

/** An emulator, whose address may lack scheme and path, and which takes anything. */
function openEmulator({ projectId = 'emulator' }: BigQueryConfig, host: string) {
  const text = /^https?:\/\//.test(host) ? host : `http://${host}`;
  if (!URL.canParse(text)) {
    throw new UsageError(`BIGQUERY_EMULATOR_HOST: ${host} is no address; write it as localhost:9050`);
  }
  const base = `${text.replace(/\/+$/, '').replace(/\/bigquery\/v2$/, '')}/bigquery/v2`;
  const account = { identity: undefined, payer: undefined, headers: async () => new Headers() };
  return { ...account, base, project: projectId };
}

/** The project that runs and pays for the queries. */
async function findProject(
  { projectId, queryTimeoutSeconds }: BigQueryConfig,
  env: Env,
  { identity, fields }: Credentials,
): Promise<string> {
  const own = fields['project_id'] || fields['quota_project_id'];
  const project = projectId ?? (own || env['GOOGLE_CLOUD_PROJECT'] || env['GCLOUD_PROJECT']);
  if (project) return String(project);
  const none = (who: string) =>
    new SourceError('project-missing', `sign-in: ${who} no project; set bigquery.project_id in tracked.yaml`);
  if (identity !== 'metadata') throw none('the credentials name');
  const limit = AbortSignal.timeout(queryTimeoutSeconds * 1000);
  try {
    return String(await abortable(gcpMetadata.project('project-id'), limit));
  } catch (error) {
    if (limit.aborted) throw fault('no-answer', '', METADATA);
    const refusal = signInFault(error, METADATA, identity);
    throw refusal.details.status === 404 ? none('the metadata server names') : refusal;
  }
}

/** Makes a client, and those that it asks in turn, send through our transport: the library hands it to some of them. */
function sendThrough(client: AuthClient, transporter: AuthClient['transporter']): AuthClient {
  const { sourceClient, stsCredential } = client as { sourceClient?: AuthClient; stsCredential?: object };
  Object.assign(client, { transporter });
  if (stsCredential !== undefined) Object.assign(stsCredential, { transporter });
  if (sourceClient !== undefined) sendThrough(sourceClient, transporter);
  return client;
}

function authClientOf({ path, fields }: Credentials, transporter: AuthClient['transporter']): AuthClient {
  if (path === undefined) return new Compute({ scopes: SCOPES, transporter });
  try {
    const auth = new GoogleAuth({ scopes: SCOPES });
    return sendThrough(auth.fromJSON(fields, { transporter }), transporter);
  } catch (error) {
    const said = sanitizeMessage(String((error as Error).message));
    const message = `sign-in: ${path} cannot be used; make it again (${said})`;
    throw new SourceError('credentials-invalid', message, { step: 'sign-in' });
  }
}

/** @param url What was asked last, if anything was. */
function endpointOf(identity: Identity, { href } = { href: '' }): AuthEndpoint {
  if (identity === 'metadata') return METADATA;
  if (/:generateAccessToken$/.test(href)) return IAM;
  if (/^https:\/\/sts\.|\/v1\/(oauth)?token$/.test(href)) return STS;
  return /^https:\/\/oauth2\./.test(href) || (href === '' && identity !== 'federation') ? TOKEN : SUBJECT;
}

/**
 * Signs in through Google's library, with our way to send.
 *
 * @throws SourceError if there are no usable credentials, or a variable names no usable proxy.
 */
async function openAccount(config: BigQueryConfig, env: Env, http: ReturnType<typeof openHttp>) {
  const credentials = findCredentials(config.credentialFile, env);
  const { identity } = credentials;
  // The library asks the metadata server through a transport of its own; never through a proxy.
  if (identity === 'metadata') gaxios.instance.defaults = { ...gaxios.instance.defaults, agent: new Agent() };
  const project = await findProject(config, env, credentials);
  // The same class, of which TypeScript sees one for `import` and one for `require`.
  const authClient = authClientOf(credentials, http.transport as unknown as AuthClient['transporter']);
  const { baseUrl: base } = new BigQuery({ projectId: project, authClient, autoRetry: false });
  // A proxy that cannot be one is better told before anybody signs in.
  proxyFor(new URL(base), env);
  // A token is got once for all that wait for one.
  let waiting: Promise<Headers> | undefined;
  /** @throws SourceError, with who refused or did not answer before the signal was given. */
  async function headers(signal: AbortSignal): Promise<Headers> {
    waiting ??= authClient.getRequestHeaders().finally(() => {
      waiting = undefined;
    });
    try {
      return await abortable(waiting, signal);
    } catch (error) {
      const asked = endpointOf(identity, http.lastAsked());
      throw signal.aborted ? http.silence(asked) : signInFault(error, asked, identity);
    }
  }
  return { base, project, identity, payer: `${accountOf(credentials)}, project ${project}`, headers };
}

/**
 * Opens the line to BigQuery, or to the emulator that BIGQUERY_EMULATOR_HOST names.
 *
 * Address and authentication are the official client's. Its `createQueryJob` and `getQueryResults` are not used, as
 * of 8.3: an answer of 200 that is no job (an empty one, a proxy's page) ends the process with an unhandled
 * rejection, a server that never answers hangs it for good, as no request can be aborted, and counts beyond 2^53
 * come back rounded.
 *
 * @param now For the comparison with Google's clock.
 * @throws SourceError if there are no usable credentials.
 */
export async function connect(config: BigQueryConfig, env: Env, now: () => Date) {
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  // An emulator has the clock of a machine at hand, and takes anything.
  const http = openHttp(env, now, emulator ? undefined : GOOGLE_CLOCK);
  const { base, project, identity, payer, headers } = emulator
    ? openEmulator(config, emulator)
    : await openAccount(config, env, http);
  const endpoint: Endpoint = { ...BIGQUERY, identity };

  /**
   * One request, without any retry, after signing in where there is no token yet.
   *
   * @returns The JSON object of the answer.
   * @throws SourceError for an error status, an answer that is no JSON object, a fault of the network or of signing
   * in, for no answer when the signal is given, and if the clock is wrong.
   */
  async function send({ method, path, query = {}, body, skipClockCheck }: ApiRequest, signal: AbortSignal) {
    const token = await headers(signal).catch((error: unknown) => {
      // What was signed by a wrong clock is refused.
      if (!signal.aborted) http.assertClock();
      throw error;
    });
    if (!skipClockCheck) http.assertClock();
    const sent = {
      method,
      url: `${base}/projects/${project}${path}`,
      params: { ...query, prettyPrint: 'false' },
      headers: { ...Object.fromEntries(token), ...(body && { 'content-type': 'application/json' }) },
      ...(body && { data: JSON.stringify(body) }),
    };
    const answer = await http.send(sent, endpoint, signal);
    const { status, body: text } = answer;
    if (status >= 400) throw faultOfAnswer(answer, endpoint);
    const value = jsonOf(text);
    if (isObject(value)) return value as Loose;
    const what = 'the answer is cut short or no JSON object';
    throw fault('not-the-source', what, endpoint, { status, maybeSent: true });
  }

  return {
    /** The project that runs and pays for the queries. */
    project,
    location: config.location,
    /** Who is asked, and what one signs in with; an emulator wants nothing. */
    endpoint,
    /** Who asks and who pays, in words; undefined for an emulator. */
    payer,
    /** The time limit of one query is the longest pause; an emulator on this machine needs no courtesy. */
    policy: { backoffMs: emulator ? 2 : 1_000, longestPauseMs: config.queryTimeoutSeconds * 1000 },
    /** Milliseconds between two looks at a job, when the server answers at once that it still runs. */
    pollMs: emulator ? 20 : 500,
    clockSkewMs: http.clockSkewMs,
    send,
    close: http.close,
  };
}

/** An authenticated line to BigQuery. */
export type Connection = Awaited<ReturnType<typeof connect>>;
