import { Agent } from 'node:http';
import { BigQuery } from '@google-cloud/bigquery';
import { type AuthClient, Compute, GoogleAuth, gaxios, gcpMetadata } from 'google-auth-library';
import { sanitizeMessage, UsageError } from '../../errors/error.ts';
import { abortable, type Env } from '../../util.ts';
import { clockFault, openHttp } from '../http.ts';
import { proxyFor } from '../proxy.ts';
import { isObject, type JsonObject } from '../rows.ts';
import { type Endpoint, Fault, SourceError, sourceErrorOf } from '../source.ts';
import { accountOf, type Credentials, findCredentials, type Identity } from './credentials.ts';
import { BIGQUERY, faultOfAnswer, IAM, METADATA, STS, SUBJECT, signInFault, TOKEN } from './fault.ts';
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

/** An authenticated line to BigQuery. */
export interface Connection {
  /** The project that runs and pays for the queries. */
  readonly project: string;
  /** What one signs in with; undefined for an emulator. */
  readonly identity: Identity | undefined;
  /** The account that asks, in words; undefined for an emulator. */
  readonly account: string | undefined;
  /** How far this machine's clock was ahead of the server's at its last answer, whatever that was. */
  readonly clockSkewMs: () => number | undefined;
  /**
   * One request, without any retry, after signing in where there is no token yet.
   *
   * @returns The JSON object of the answer.
   * @throws Fault for an error status, an answer that is no JSON object, a fault of the network or of signing
   * in, and for no answer when the signal is given; SourceError if the clock is wrong, whose step is `bigquery` where
   * BigQuery had the request when that was found out.
   */
  readonly send: (request: ApiRequest, signal: AbortSignal) => Promise<JsonObject>;
  /** Drops every connection, also those that still wait for an answer. */
  readonly close: () => void;
}

/** How far the clock may be off: Google refuses what a key has signed when it is off by more. */
const SKEW_MAX_MS = 5 * 60_000;

/** What the tokens are good for. */
const SCOPES = ['https://www.googleapis.com/auth/bigquery'];

/** Base of an emulator's API, from the host with or without scheme and path. */
function emulatorUrl(host: string): string {
  const text = /^https?:\/\//.test(host) ? host : `http://${host}`;
  if (!URL.canParse(text)) {
    throw new UsageError(`BIGQUERY_EMULATOR_HOST: ${host} is no address; write it as localhost:9050`);
  }
  return `${text.replace(/\/+$/, '').replace(/\/bigquery\/v2$/, '')}/bigquery/v2`;
}

const DIRECT = new Agent();

/** The library asks the metadata server through a transport of its own; never through a proxy. */
function askMetadataDirectly(): void {
  gaxios.instance.defaults = { ...gaxios.instance.defaults, agent: DIRECT };
}

const noProject = (who: string) =>
  new SourceError('project-missing', `sign-in: ${who} no project; set bigquery.project_id in tracked.yaml`);

async function machineProject(limitMs: number): Promise<string> {
  const limit = AbortSignal.timeout(limitMs);
  askMetadataDirectly();
  try {
    return String(await abortable(gcpMetadata.project('project-id'), limit));
  } catch (error) {
    const fault = limit.aborted ? new Fault('no-answer', '', METADATA) : signInFault(error, METADATA);
    throw fault.details.status === 404
      ? noProject('the metadata server names')
      : sourceErrorOf(fault, { identity: 'metadata' });
  }
}

async function findProject(
  config: BigQueryConfig,
  env: Env,
  { identity, fields }: Credentials,
): Promise<string> {
  const own = fields['project_id'] || fields['quota_project_id'];
  const project = config.projectId ?? (own || env['GOOGLE_CLOUD_PROJECT'] || env['GCLOUD_PROJECT']);
  if (project) return String(project);
  if (identity === 'metadata') return machineProject(config.queryTimeoutSeconds * 1000);
  throw noProject('the credentials name');
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
  if (path === undefined) {
    askMetadataDirectly();
    return new Compute({ scopes: SCOPES, transporter });
  }
  try {
    const auth = new GoogleAuth({ scopes: SCOPES });
    return sendThrough(auth.fromJSON(fields, { transporter }), transporter);
  } catch (error) {
    const said = sanitizeMessage(String((error as Error).message));
    throw new SourceError('credentials-invalid', `sign-in: ${path} cannot be used; make it again (${said})`, {
      step: 'sign-in',
    });
  }
}

function endpointOf({ href }: URL): Endpoint {
  if (/:generateAccessToken$/.test(href)) return IAM;
  if (/^https:\/\/sts\.|\/v1\/(oauth)?token$/.test(href)) return STS;
  return /^https:\/\/oauth2\./.test(href) ? TOKEN : SUBJECT;
}

/** Who is asked first, where that is not the token endpoint. */
const FIRST_ASKED: Readonly<Partial<Record<Identity, Endpoint>>> = {
  metadata: METADATA,
  federation: SUBJECT,
};

/**
 * Google's library, with our way to send.
 *
 * @throws SourceError if it has no use for the credentials, or a variable names no usable proxy.
 */
function openSignIn(credentials: Credentials, env: Env, now: () => Date) {
  const http = openHttp(env, now);
  // The same class, of which TypeScript sees one for `import` and one for `require`.
  const client = authClientOf(credentials, http.transport as unknown as AuthClient['transporter']);
  let waiting: Promise<Headers> | undefined;
  const asked = () => {
    const url = http.lastAsked();
    return url === undefined ? (FIRST_ASKED[credentials.identity] ?? TOKEN) : endpointOf(url);
  };
  return {
    client,
    http,
    /**
     * The headers that carry a token, which is got once for all that wait for one.
     *
     * @throws Fault, with who refused or did not answer before the signal was given.
     */
    async headers(signal: AbortSignal): Promise<Headers> {
      waiting ??= client.getRequestHeaders().finally(() => {
        waiting = undefined;
      });
      try {
        return await abortable(waiting, signal);
      } catch (error) {
        throw signal.aborted ? http.silence(asked()) : signInFault(error, asked());
      }
    },
  };
}

/** Who signs in, with what, and who pays. */
async function openAccount(config: BigQueryConfig, env: Env, now: () => Date) {
  const credentials = findCredentials(config.credentialFile, env);
  const project = await findProject(config, env, credentials);
  const signIn = openSignIn(credentials, env, now);
  const { baseUrl: base } = new BigQuery({ projectId: project, authClient: signIn.client, autoRetry: false });
  // A proxy that cannot be one is better told before anybody signs in.
  proxyFor(new URL(base), env);
  return { base, project, signIn, identity: credentials.identity, account: accountOf(credentials) };
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
export async function connect(config: BigQueryConfig, env: Env, now: () => Date): Promise<Connection> {
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  const opened = emulator ? undefined : await openAccount(config, env, now);
  const signIn = opened?.signIn;
  const base = opened?.base ?? emulatorUrl(String(emulator));
  const project = opened?.project ?? config.projectId ?? 'emulator';
  const http = openHttp(env, now);
  const clockSkewMs = () => http.clockSkewMs() ?? signIn?.http.clockSkewMs();

  function checkClock(step?: 'bigquery'): void {
    // An emulator has the clock of a machine at hand, and takes anything.
    if (signIn === undefined) return;
    const fault = clockFault(clockSkewMs(), now(), { whose: "Google's", mostMs: SKEW_MAX_MS, step });
    if (fault !== undefined) throw fault;
  }

  async function send({ method, path, query = {}, body, skipClockCheck }: ApiRequest, signal: AbortSignal) {
    const token = await signIn?.headers(signal).catch((error: unknown) => {
      // What was signed by a wrong clock is refused.
      if (!signal.aborted) checkClock();
      throw error;
    });
    if (!skipClockCheck) checkClock();
    const headers = {
      ...Object.fromEntries(token ?? []),
      ...(body && { 'content-type': 'application/json' }),
    };
    const url = `${base}/projects/${project}${path}`;
    const params = { ...query, prettyPrint: 'false' };
    const sent = { method, url, params, headers, ...(body && { data: JSON.stringify(body) }) };
    const answer = await http.send(sent, BIGQUERY, signal);
    if (!skipClockCheck) checkClock('bigquery');
    if (answer.status >= 400) throw faultOfAnswer(answer);
    const foreign = (what: string) =>
      new Fault('not-the-source', what, BIGQUERY, { status: answer.status, maybeSent: true });
    let value: unknown;
    try {
      value = JSON.parse(answer.body);
    } catch {
      throw foreign('the answer is cut short or no JSON');
    }
    if (!isObject(value)) throw foreign('the answer is no JSON object');
    return value;
  }

  return {
    project,
    identity: opened?.identity,
    account: opened?.account,
    clockSkewMs,
    send,
    close() {
      http.close();
      signIn?.http.close();
    },
  };
}
