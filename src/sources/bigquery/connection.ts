import { BigQuery } from '@google-cloud/bigquery';
import { type AuthClient, gcpMetadata, PassThroughClient } from 'google-auth-library';
import type { BigQueryConfig } from '../../config/config.ts';
import type { Env } from '../../env.ts';
import { GARBLED, type Identity, SILENT } from '../../errors/codes.ts';
import { UsageError } from '../../errors/error.ts';
import { until } from '../../until.ts';
import { SourceError } from '../source.ts';
import { accountOf, type Credentials, findCredentials, identityOf } from './credentials.ts';
import { bigQueryError } from './error.ts';
import { ApiError, BIGQUERY, ClockSkew, faultOf, faultOfAnswer, type Place, retryAfter } from './fault.ts';
import { type Network, openNetwork } from './network.ts';
import { authClientOf, partiesOf, projectOfMachine } from './sign-in.ts';
import { Transport } from './transport.ts';

/** A request to BigQuery's REST API (https://cloud.google.com/bigquery/docs/reference/rest). */
export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  /** Behind `/projects/<project>`, with a slash at its beginning. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Whether to send it also if the clock is wrong: it ends what was begun. */
  readonly anyway?: true;
}

/** An authenticated line to BigQuery. */
export interface Connection {
  /** The project that runs and pays for the queries. */
  readonly project: string;
  /** Whether it leads to an emulator. */
  readonly emulated: boolean;
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
   * @throws ApiError for an error status, an answer that is no JSON object, a fault of the network or of signing
   * in, and for no answer when the signal is given; SourceError if the clock is wrong.
   */
  readonly send: (request: ApiRequest, signal: AbortSignal) => Promise<Record<string, unknown>>;
  /** Drops every connection, also those that still wait for an answer. */
  readonly close: () => void;
}

/**
 * How far the clock may be off, in milliseconds. Google refuses what a key has signed when it is off by more, and
 * the days that are counted are those of this clock.
 */
const SKEW_MAX_MS = 5 * 60_000;

/** Base of an emulator's API, from the host with or without scheme and path. */
function emulatorUrl(host: string): string {
  const text = /^https?:\/\//.test(host) ? host : `http://${host}`;
  if (!URL.canParse(text)) {
    throw new UsageError(`BIGQUERY_EMULATOR_HOST: ${host} is no address; write it as localhost:9050`);
  }
  return `${text.replace(/\/+$/, '').replace(/\/bigquery\/v2$/, '')}/bigquery/v2`;
}

/** The project of the machine's own identity. */
async function machineProject(limitMs: number): Promise<string> {
  const place: Place = { step: 'sign-in', party: 'metadata' };
  const limit = AbortSignal.timeout(limitMs);
  try {
    return await until(projectOfMachine(), limit);
  } catch (error) {
    const fault = limit.aborted ? { ...place, reason: SILENT, message: '' } : faultOf(error, place);
    if (fault.status !== 404) throw bigQueryError(new ApiError(fault), { identity: 'metadata' });
    throw new SourceError(
      'project-missing',
      'sign-in: the metadata server names no project; set bigquery.project_id in tracked.yaml',
    );
  }
}

async function findProject(config: BigQueryConfig, env: Env, credentials: Credentials): Promise<string> {
  const own = credentials.kind === 'file' ? credentials.file.projectId : undefined;
  const project = config.projectId ?? own ?? (env['GOOGLE_CLOUD_PROJECT'] || env['GCLOUD_PROJECT']);
  if (project) return project;
  if (credentials.kind === 'metadata') return machineProject(config.queryTimeoutSeconds * 1000);
  throw new SourceError(
    'project-missing',
    'sign-in: the credentials name no project; set bigquery.project_id in tracked.yaml',
  );
}

function parse(status: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (status >= 400) return text;
    const message = 'the answer is cut short or no JSON';
    throw new ApiError({ step: 'bigquery', status, reason: GARBLED, message });
  }
}

/** Who signs in, and with what. */
interface Line {
  readonly emulated: boolean;
  readonly base: string;
  readonly project: string;
  readonly identity: Identity | undefined;
  readonly account: string | undefined;
  readonly client: BigQuery;
  readonly authClient: AuthClient;
  readonly transport: Transport;
  /** Who is asked first for a token. */
  readonly first: Place;
}

interface Hearing {
  readonly network: Network;
  readonly heard: (headers: Headers, place: Place) => void;
  readonly now: () => Date;
}

async function openLine(config: BigQueryConfig, env: Env, hearing: Hearing): Promise<Line> {
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  if (emulator) {
    const base = emulatorUrl(emulator);
    const transport = new Transport({ ...hearing, placeOf: () => BIGQUERY });
    // An emulator needs no token; without this, the client searches the network for a metadata server.
    const authClient = new PassThroughClient({ transporter: transport });
    const project = config.projectId ?? 'emulator';
    const client = new BigQuery({ projectId: project, authClient, autoRetry: false });
    const nobody = { identity: undefined, account: undefined };
    return { emulated: true, base, project, ...nobody, client, authClient, transport, first: BIGQUERY };
  }
  const credentials = findCredentials(config.credentialFile, env, gcpMetadata.getGCPResidency);
  const project = await findProject(config, env, credentials);
  const parties = partiesOf(credentials);
  const transport = new Transport({
    ...hearing,
    placeOf: (url) => (/^bigquery\./.test(url.hostname) ? BIGQUERY : parties.of(url)),
  });
  const authClient = authClientOf(credentials, transport);
  const client = new BigQuery({ projectId: project, authClient, autoRetry: false });
  const base = client.baseUrl;
  // A proxy that cannot be one is better told before anybody signs in.
  hearing.network.agentFor(new URL(base));
  return {
    emulated: false,
    base,
    project,
    identity: identityOf(credentials),
    account: accountOf(credentials),
    client,
    authClient,
    transport,
    first: parties.first,
  };
}

/**
 * Opens the line to BigQuery, or to the emulator that BIGQUERY_EMULATOR_HOST names.
 *
 * Address and authentication are the official client's; so is the transport under it. Its
 * `createQueryJob` and `getQueryResults` are not used, as of 8.3: an answer of 200 that is no job (an
 * empty one, a proxy's page) ends the process with an unhandled rejection, a server that never answers
 * hangs it for good, as no request can be aborted, and counts beyond 2^53 come back rounded.
 *
 * @param now For the comparison with Google's clock.
 * @throws SourceError if there are no usable credentials.
 */
export async function connect(config: BigQueryConfig, env: Env, now: () => Date): Promise<Connection> {
  const network = openNetwork(env);
  let skewMs: number | undefined;
  const heard = (headers: Headers, place: Place) => {
    const date = Date.parse(headers.get('date') ?? '');
    const googles = place.step === 'bigquery' || (place.party !== 'subject' && place.party !== 'metadata');
    if (Number.isNaN(date) || !googles) return;
    skewMs = now().getTime() - date;
  };
  const line = await openLine(config, env, { network, heard, now });
  const { emulated, base, project, client, authClient, transport, first } = line;

  /** @param arrived Whether BigQuery had the request. */
  function checkClock(arrived: boolean): void {
    // An emulator has the clock of a machine at hand, and takes anything.
    if (emulated || skewMs === undefined || Math.abs(skewMs) <= SKEW_MAX_MS) return;
    throw new ClockSkew(skewMs, arrived);
  }

  let signingIn: Promise<unknown> | undefined;
  /** Gets a token where there is none or an old one; once for all that wait for it. */
  function signIn(): Promise<unknown> {
    signingIn ??= authClient.getRequestHeaders().finally(() => {
      signingIn = undefined;
    });
    return signingIn;
  }

  /** Nobody answered while `place` was being asked. */
  function silence(place: Place): ApiError {
    const server = network.waitingFor();
    if (server !== undefined) return new ApiError({ step: 'proxy', server, reason: SILENT, message: '' });
    const asked = transport.waitingFor;
    const who = asked?.step === place.step ? asked : place;
    return new ApiError({ ...who, reason: SILENT, message: '' });
  }

  /** Waits for `work`, and says who was asked if it fails. */
  async function asking<T>(place: Place, work: Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await until(work, signal);
    } catch (error) {
      if (signal.aborted) throw silence(place);
      checkClock(place.step === 'bigquery');
      throw error instanceof ApiError ? error : new ApiError(faultOf(error, place));
    }
  }

  async function send({ method, path, query = {}, body, anyway }: ApiRequest, signal: AbortSignal) {
    if (!emulated) await asking(first, signIn(), signal);
    if (!anyway) checkClock(false);
    const answer = client.authClient.request<string>({
      url: `${base}/projects/${project}${path}`,
      method,
      params: { ...query, prettyPrint: 'false' },
      ...(body === undefined ? {} : { data: body }),
      signal,
      responseType: 'text',
      validateStatus: () => true,
    });
    const { status, data, headers } = await asking(BIGQUERY, answer, signal);
    if (!anyway) checkClock(true);
    const value = parse(status, data);
    if (status >= 400) {
      throw new ApiError(faultOfAnswer(status, value), retryAfter(headers, now().getTime()));
    }
    if (typeof value !== 'object' || value === null) {
      const message = 'the answer is no JSON object';
      throw new ApiError({ step: 'bigquery', status, reason: GARBLED, message });
    }
    return value as Record<string, unknown>;
  }

  return {
    project,
    emulated,
    identity: line.identity,
    account: line.account,
    clockSkewMs: () => skewMs,
    send,
    close: network.close,
  };
}
