import { BigQuery } from '@google-cloud/bigquery';
import type { Env } from '../../env.ts';
import { UsageError } from '../../errors/error.ts';
import { until } from '../../until.ts';
import { Fault, sourceErrorOf } from '../fault.ts';
import { clockFault, openHttp } from '../http.ts';
import { proxyFor } from '../proxy.ts';
import { SourceError } from '../source.ts';
import {
  accountOf,
  type Credentials,
  findCredentials,
  type Identity,
  identityOf,
  onGoogleCloud,
} from './credentials.ts';
import { BIGQUERY, faultOfAnswer, METADATA, signInFault } from './fault.ts';
import type { BigQueryConfig } from './index.ts';
import { openSignIn, projectOfMachine } from './sign-in.ts';

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
   * @throws Fault for an error status, an answer that is no JSON object, a fault of the network or of signing
   * in, and for no answer when the signal is given; ClockWrong if the clock is.
   */
  readonly send: (request: ApiRequest, signal: AbortSignal) => Promise<Record<string, unknown>>;
  /** Drops every connection, also those that still wait for an answer. */
  readonly close: () => void;
}

/** How far the clock may be off: Google refuses what a key has signed when it is off by more. */
const SKEW_MAX_MS = 5 * 60_000;

/** This machine's clock and Google's differ by too much. */
export class ClockWrong extends SourceError {
  override name = 'ClockWrong';
  /** Whether BigQuery had the request when that was found out. */
  readonly maybeSent: boolean;

  constructor({ code, message }: SourceError, maybeSent: boolean) {
    super(code, message);
    this.maybeSent = maybeSent;
  }
}

/** Base of an emulator's API, from the host with or without scheme and path. */
function emulatorUrl(host: string): string {
  const text = /^https?:\/\//.test(host) ? host : `http://${host}`;
  if (!URL.canParse(text)) {
    throw new UsageError(`BIGQUERY_EMULATOR_HOST: ${host} is no address; write it as localhost:9050`);
  }
  return `${text.replace(/\/+$/, '').replace(/\/bigquery\/v2$/, '')}/bigquery/v2`;
}

const noProject = (who: string) =>
  new SourceError('project-missing', `sign-in: ${who} no project; set bigquery.project_id in tracked.yaml`);

async function machineProject(limitMs: number): Promise<string> {
  const limit = AbortSignal.timeout(limitMs);
  try {
    return String(await until(projectOfMachine(), limit));
  } catch (error) {
    const fault = limit.aborted ? new Fault('no-answer', '', METADATA) : signInFault(error, METADATA);
    throw fault.details.status === 404
      ? noProject('the metadata server names')
      : sourceErrorOf(fault, { identity: 'metadata' });
  }
}

async function findProject(config: BigQueryConfig, env: Env, credentials: Credentials): Promise<string> {
  const own = credentials.kind === 'file' ? credentials.file.projectId : undefined;
  const project = config.projectId ?? own ?? (env['GOOGLE_CLOUD_PROJECT'] || env['GCLOUD_PROJECT']);
  if (project) return project;
  if (credentials.kind === 'metadata') return machineProject(config.queryTimeoutSeconds * 1000);
  throw noProject('the credentials name');
}

/** Who signs in, and with what. */
async function openAccount(config: BigQueryConfig, env: Env, now: () => Date) {
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  if (emulator) {
    return {
      emulated: true,
      base: emulatorUrl(emulator),
      project: config.projectId ?? 'emulator',
      identity: undefined,
      account: undefined,
      signIn: undefined,
    };
  }
  const credentials = findCredentials(config.credentialFile, env, onGoogleCloud);
  const project = await findProject(config, env, credentials);
  const signIn = openSignIn(credentials, env, now);
  const { baseUrl: base } = new BigQuery({ projectId: project, authClient: signIn.client, autoRetry: false });
  // A proxy that cannot be one is better told before anybody signs in.
  proxyFor(new URL(base), env);
  return {
    emulated: false,
    base,
    project,
    identity: identityOf(credentials),
    account: accountOf(credentials),
    signIn,
  };
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
  const { emulated, base, project, identity, account, signIn } = await openAccount(config, env, now);
  const http = openHttp(env, now);
  const clockSkewMs = () => http.clockSkewMs() ?? signIn?.http.clockSkewMs();

  function checkClock(maybeSent: boolean): void {
    // An emulator has the clock of a machine at hand, and takes anything.
    const fault = emulated
      ? undefined
      : clockFault(clockSkewMs(), now(), { whose: "Google's", mostMs: SKEW_MAX_MS });
    if (fault !== undefined) throw new ClockWrong(fault, maybeSent);
  }

  async function send({ method, path, query = {}, body, skipClockCheck }: ApiRequest, signal: AbortSignal) {
    const token = await signIn?.headers(signal).catch((error: unknown) => {
      // What was signed by a wrong clock is refused.
      if (!signal.aborted) checkClock(false);
      throw error;
    });
    if (!skipClockCheck) checkClock(false);
    const answer = await http.send(
      {
        method,
        url: `${base}/projects/${project}${path}`,
        params: { ...query, prettyPrint: 'false' },
        headers: {
          ...(token === undefined ? {} : Object.fromEntries(token)),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      },
      BIGQUERY,
      signal,
    );
    if (!skipClockCheck) checkClock(true);
    if (answer.status >= 400) throw faultOfAnswer(answer);
    const foreign = (what: string) =>
      new Fault('not-the-source', what, BIGQUERY, { status: answer.status, maybeSent: true });
    let value: unknown;
    try {
      value = JSON.parse(answer.body);
    } catch {
      throw foreign('the answer is cut short or no JSON');
    }
    if (typeof value !== 'object' || value === null) throw foreign('the answer is no JSON object');
    return value as Record<string, unknown>;
  }

  return {
    project,
    emulated,
    identity,
    account,
    clockSkewMs,
    send,
    close() {
      http.close();
      signIn?.http.close();
    },
  };
}
