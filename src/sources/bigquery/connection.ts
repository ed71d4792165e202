import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { BigQuery, BigQueryOptions } from '@google-cloud/bigquery';
import type { BigQueryConfig } from '../../config/config.ts';
import { GARBLED } from '../../errors/codes.ts';
import { UsageError } from '../../errors/error.ts';
import { until } from '../../until.ts';
import { SourceError } from '../source.ts';
import { findCredentials } from './credentials.ts';
import { ApiError, faultOfAnswer } from './fault.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A request to BigQuery's REST API (https://cloud.google.com/bigquery/docs/reference/rest). */
export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  /** Behind `/projects/<project>`, with a slash at its beginning. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** An authenticated line to BigQuery. */
export interface Connection {
  /** The project that runs and pays for the queries. */
  readonly project: string;
  /** Whether it leads to an emulator. */
  readonly emulated: boolean;
  /** What the server's clock said in its last answer, whatever the answer was. */
  readonly serverTime: () => Date | undefined;
  /**
   * One request, without any retry.
   *
   * @returns The JSON object of the answer.
   * @throws ApiError for an error status or an answer that is no JSON object; anything at all for a network fault.
   */
  readonly send: (request: ApiRequest, signal: AbortSignal) => Promise<Record<string, unknown>>;
  /** Drops every connection, also those that still wait for an answer. */
  readonly close: () => void;
}

const PROXIES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];

/** Base of an emulator's API, from the host with or without scheme and path. */
function emulatorUrl(host: string): string {
  const text = /^https?:\/\//.test(host) ? host : `http://${host}`;
  if (!URL.canParse(text)) {
    throw new UsageError(`BIGQUERY_EMULATOR_HOST: ${host} is no address; write it as localhost:9050`);
  }
  return `${text.replace(/\/+$/, '').replace(/\/bigquery\/v2$/, '')}/bigquery/v2`;
}

async function clientOptions(config: BigQueryConfig, env: Env): Promise<BigQueryOptions> {
  const { gcpMetadata, PassThroughClient } = await import('google-auth-library');
  if (env['BIGQUERY_EMULATOR_HOST']) {
    // Nobody to ask for a token: without this, the client searches the network for a metadata server.
    return { authClient: new PassThroughClient(), projectId: config.projectId ?? 'emulator' };
  }
  const credentials = findCredentials(config.credentialFile, env, gcpMetadata.getGCPResidency);
  const own = credentials.kind === 'file' ? credentials.key.projectId : undefined;
  const projectId = config.projectId ?? own ?? (env['GOOGLE_CLOUD_PROJECT'] || env['GCLOUD_PROJECT']);
  if (credentials.kind === 'metadata') return projectId ? { projectId } : {};
  if (!projectId) {
    throw new SourceError(
      'project-missing',
      'the credentials name no project; set bigquery.project_id in tracked.yaml',
    );
  }
  return { keyFilename: credentials.path, projectId };
}

function parse(status: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (status >= 400) return undefined;
    throw new ApiError({
      step: 'bigquery',
      status,
      reason: GARBLED,
      message: 'the answer is cut short or no JSON',
    });
  }
}

/**
 * Opens the line to BigQuery, or to the emulator that BIGQUERY_EMULATOR_HOST names.
 *
 * Credentials, project and addresses are the official client's; so is the transport under it. Its
 * `createQueryJob` and `getQueryResults` are not used, as of 8.3: an answer of 200 that is no job (an
 * empty one, a proxy's page) ends the process with an unhandled rejection, a server that never answers
 * hangs it for good, as no request can be aborted, and counts beyond 2^53 come back rounded.
 *
 * @throws SourceError if there are no usable credentials.
 */
export async function connect(config: BigQueryConfig, env: Env): Promise<Connection> {
  const options = await clientOptions(config, env);
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  const emulated = emulator ? emulatorUrl(emulator) : undefined;
  const { BigQuery } = await import('@google-cloud/bigquery');
  const client: BigQuery = new BigQuery({ ...options, autoRetry: false });
  const base = emulated ?? client.baseUrl;
  const project = options.projectId ?? (await client.getProjectId());
  // A proxy needs an agent of its own, which the transport then makes.
  const proxied = PROXIES.some((name) => env[name]);
  const Agent = base.startsWith('https:') ? HttpsAgent : HttpAgent;
  const agent = proxied ? undefined : new Agent({ keepAlive: true });
  let serverTime: Date | undefined;

  async function send({ method, path, query = {}, body }: ApiRequest, signal: AbortSignal) {
    const answer = client.authClient.request<string>({
      url: `${base}/projects/${project}${path}`,
      method,
      params: { ...query, prettyPrint: 'false' },
      ...(body === undefined ? {} : { data: body }),
      ...(agent === undefined ? {} : { agent }),
      signal,
      retry: false,
      responseType: 'text',
      validateStatus: () => true,
    });
    // The signal reaches the request, but not the fetching of a token before it.
    const response = await until(answer, signal);
    const date = Date.parse(response.headers.get('date') ?? '');
    if (!Number.isNaN(date)) serverTime = new Date(date);
    const value = parse(response.status, response.data);
    if (response.status >= 400) throw new ApiError(faultOfAnswer(response.status, value));
    if (typeof value !== 'object' || value === null) {
      throw new ApiError({
        step: 'bigquery',
        status: response.status,
        reason: GARBLED,
        message: 'the answer is no JSON object',
      });
    }
    return value as Record<string, unknown>;
  }

  return {
    project,
    emulated: emulated !== undefined,
    serverTime: () => serverTime,
    send,
    close: () => agent?.destroy(),
  };
}
