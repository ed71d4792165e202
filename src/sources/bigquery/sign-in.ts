import { Agent } from 'node:http';
import type { Gaxios } from 'gaxios';
import { type AuthClient, Compute, GoogleAuth, gaxios, gcpMetadata } from 'google-auth-library';
import type { Env } from '../../env.ts';
import { sanitizeMessage } from '../../errors/sanitize.ts';
import { until } from '../../until.ts';
import type { Endpoint, Fault } from '../fault.ts';
import { type Http, openHttp } from '../http.ts';
import { SourceError } from '../source.ts';
import type { Credentials } from './credentials.ts';
import { IAM, METADATA, STS, SUBJECT, signInFault, TOKEN } from './fault.ts';

/** What the tokens are good for. */
const SCOPES = ['https://www.googleapis.com/auth/bigquery'];

const DIRECT = new Agent();

/** The library asks the metadata server through a transport of its own; never through a proxy. */
function askMetadataDirectly(): void {
  gaxios.instance.defaults = { ...gaxios.instance.defaults, agent: DIRECT };
}

/** Makes a client, and those that it asks in turn, send through our transport: the library hands it to some of them. */
function sendThrough(client: AuthClient, transporter: AuthClient['transporter']): AuthClient {
  const { sourceClient, stsCredential } = client as { sourceClient?: AuthClient; stsCredential?: object };
  Object.assign(client, { transporter });
  if (stsCredential !== undefined) Object.assign(stsCredential, { transporter });
  if (sourceClient !== undefined) sendThrough(sourceClient, transporter);
  return client;
}

function authClientOf(credentials: Credentials, transport: Gaxios): AuthClient {
  // The same class, of which TypeScript sees one for `import` and one for `require`.
  const transporter = transport as unknown as AuthClient['transporter'];
  if (credentials.kind === 'metadata') {
    askMetadataDirectly();
    return new Compute({ scopes: SCOPES, transporter });
  }
  try {
    const auth = new GoogleAuth({ scopes: SCOPES });
    return sendThrough(auth.fromJSON(credentials.file.fields, { transporter }), transporter);
  } catch (error) {
    const said = sanitizeMessage(String((error as Error).message));
    throw new SourceError(
      'credentials-invalid',
      `sign-in: ${credentials.path} cannot be used; make it again (${said})`,
      { step: 'sign-in' },
    );
  }
}

/** The project of the machine, as the metadata server tells it. */
export function projectOfMachine(): Promise<unknown> {
  askMetadataDirectly();
  return gcpMetadata.project('project-id');
}

function endpointOf({ href }: URL): Endpoint {
  if (/:generateAccessToken$/.test(href)) return IAM;
  if (/^https:\/\/sts\.|\/v1\/(oauth)?token$/.test(href)) return STS;
  return /^https:\/\/oauth2\./.test(href) ? TOKEN : SUBJECT;
}

/** Gets tokens, once for all that wait for one. */
export interface SignIn {
  readonly client: AuthClient;
  readonly http: Http;
  /**
   * The headers that carry a token.
   *
   * @throws Fault, with who refused or did not answer before the signal was given.
   */
  headers(signal: AbortSignal): Promise<Headers>;
}

/**
 * Google's library, with our way to send.
 *
 * @throws SourceError if it has no use for the credentials, or a variable names no usable proxy.
 */
export function openSignIn(credentials: Credentials, env: Env, now: () => Date): SignIn {
  const http = openHttp(env, now);
  const client = authClientOf(credentials, http.transport);
  const isFederation = credentials.kind === 'file' && credentials.file.identity === 'federation';
  const first = credentials.kind === 'metadata' ? METADATA : isFederation ? SUBJECT : TOKEN;
  let waiting: Promise<Headers> | undefined;
  const asked = () => {
    const url = http.lastAsked();
    return url === undefined ? first : endpointOf(url);
  };
  return {
    client,
    http,
    async headers(signal) {
      waiting ??= client.getRequestHeaders().finally(() => {
        waiting = undefined;
      });
      try {
        return await until(waiting, signal);
      } catch (error) {
        const fault: Fault = signal.aborted ? http.silence(asked()) : signInFault(error, asked());
        throw fault;
      }
    },
  };
}
