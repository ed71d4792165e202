import { Agent } from 'node:http';
import {
  type AuthClient,
  Compute,
  ExternalAccountAuthorizedUserClient,
  ExternalAccountClient,
  gaxios,
  gcpMetadata,
  Impersonated,
  JWT,
  UserRefreshClient,
} from 'google-auth-library';
import { impersonated } from './credential-file.ts';
import { type Credentials, identityOf } from './credentials.ts';
import type { Place } from './fault.ts';
import type { Transport } from './transport.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What the tokens are good for. */
const SCOPES = ['https://www.googleapis.com/auth/bigquery'];

type Json = Parameters<typeof ExternalAccountClient.fromJSON>[0];

/** The token of a federation. The library asks the security token service through a transport of its own. */
function federation(fields: Fields, transporter: Transport): AuthClient {
  const client = ExternalAccountClient.fromJSON({ ...fields, transporter } as unknown as Json);
  if (client === null) throw new TypeError('the type was checked before');
  client.scopes = SCOPES;
  Object.assign((client as unknown as { stsCredential: object }).stsCredential, { transporter });
  return client;
}

function clientOf(fields: Fields, transporter: Transport): AuthClient {
  switch (fields['type']) {
    case 'authorized_user': {
      const client = new UserRefreshClient({ transporter });
      client.fromJSON(fields as Parameters<typeof client.fromJSON>[0]);
      return client;
    }
    case 'external_account_authorized_user': {
      type Options = ConstructorParameters<typeof ExternalAccountAuthorizedUserClient>[0];
      return new ExternalAccountAuthorizedUserClient({ ...fields, transporter } as unknown as Options);
    }
    case 'impersonated_service_account': {
      const { account, endpoint } = impersonated(fields);
      const quota = fields['quota_project_id'];
      return new Impersonated({
        sourceClient: clientOf(fields['source_credentials'] as Fields, transporter),
        targetPrincipal: account,
        targetScopes: SCOPES,
        delegates: Array.isArray(fields['delegates']) ? fields['delegates'].map(String) : [],
        endpoint,
        transporter,
        ...(typeof quota === 'string' ? { quotaProjectId: quota } : {}),
      });
    }
    case 'external_account':
      return federation(fields, transporter);
    default: {
      const client = new JWT({ scopes: SCOPES, transporter });
      client.fromJSON(fields as Parameters<typeof client.fromJSON>[0]);
      return client;
    }
  }
}

/**
 * The client that signs in with some credentials.
 *
 * Google's own way to choose one leaves the transport out that is given to it for impersonation, and asks
 * IAM Credentials at an address of its own, whatever the file says.
 */
export function authClientOf(credentials: Credentials, transporter: Transport): AuthClient {
  if (credentials.kind === 'file') return clientOf(credentials.file.fields, transporter);
  // The metadata server is asked through the library's common transport; never through a proxy.
  gaxios.instance.defaults = { ...gaxios.instance.defaults, agent: METADATA_AGENT };
  return new Compute({ scopes: SCOPES, transporter });
}

const METADATA_AGENT = new Agent();

/** The project of the machine, as the metadata server tells it. */
export async function projectOfMachine(): Promise<string> {
  gaxios.instance.defaults = { ...gaxios.instance.defaults, agent: METADATA_AGENT };
  return String(await gcpMetadata.project('project-id'));
}

/** Who is asked for the tokens of some credentials, by address and for faults without one. */
export function partiesOf(credentials: Credentials): {
  readonly of: (url: URL) => Place;
  readonly first: Place;
} {
  const signIn = (party: 'token' | 'sts' | 'iam' | 'metadata' | 'subject'): Place => ({
    step: 'sign-in',
    party,
  });
  const identity = identityOf(credentials);
  if (credentials.kind === 'metadata') return { of: () => signIn('metadata'), first: signIn('metadata') };
  const known: [unknown, Place][] = [];
  for (
    let fields: Fields | undefined = credentials.file.fields;
    fields !== undefined;
    fields = fields['source_credentials'] as Fields | undefined
  ) {
    known.push(
      [fields['service_account_impersonation_url'], signIn('iam')],
      [fields['token_url'], signIn('sts')],
    );
  }
  const of = (url: URL): Place => {
    const found = known.find(([address]) => typeof address === 'string' && sameEnd(new URL(address), url));
    if (found !== undefined) return found[1];
    if (/^iamcredentials\./.test(url.hostname)) return signIn('iam');
    if (/^sts\./.test(url.hostname)) return signIn('sts');
    if (/^oauth2\./.test(url.hostname)) return signIn('token');
    return signIn('subject');
  };
  return { of, first: signIn(identity === 'federation' ? 'subject' : 'token') };
}

function sameEnd(a: URL, b: URL): boolean {
  return a.host === b.host && a.pathname === b.pathname;
}
