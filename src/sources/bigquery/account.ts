import { Agent } from 'node:http';
import { BigQuery } from '@google-cloud/bigquery';
import { type AuthClient, Compute, GoogleAuth, gaxios, gcpMetadata } from 'google-auth-library';
import { fault, SourceError, sanitizeMessage, UsageError } from '../../errors/error.ts';
import { abortable, type Env } from '../../util.ts';
import type { openHttp } from '../http.ts';
import { proxyFor } from '../proxy.ts';
import { accountOf, type Credentials, findCredentials, type Identity } from './credentials.ts';
import { type AuthEndpoint, IAM, METADATA, STS, SUBJECT, signInFault, TOKEN } from './fault.ts';
import type { BigQueryConfig } from './index.ts';

/** What the tokens are good for. */
const SCOPES = ['https://www.googleapis.com/auth/bigquery'];

/** An emulator, whose address may lack scheme and path, and which takes anything. */
export function openEmulator({ projectId = 'emulator' }: BigQueryConfig, host: string) {
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
export async function openAccount(config: BigQueryConfig, env: Env, http: ReturnType<typeof openHttp>) {
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
      const asked = endpointOf(identity, http.transport.asked);
      throw signal.aborted ? http.silence(asked) : signInFault(error, asked, identity);
    }
  }
  return { base, project, identity, payer: `${accountOf(credentials)}, project ${project}`, headers };
}
