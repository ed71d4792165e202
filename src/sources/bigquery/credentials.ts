import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gcpMetadata } from 'google-auth-library';
import type { Env } from '../../env.ts';
import { SourceError } from '../source.ts';
import { accountIn, type CredentialFile, type Identity, readCredentialFile } from './credential-file.ts';

export type { Identity } from './credential-file.ts';

/** Where the credentials come from. */
export type Credentials =
  | { readonly kind: 'file'; readonly path: string; readonly file: CredentialFile }
  /** The machine is on Google Cloud and has an identity of its own. */
  | { readonly kind: 'metadata' };

/** Whether this machine is on Google Cloud. */
export const onGoogleCloud = () => gcpMetadata.getGCPResidency();

/** What one signs in with. */
export function identityOf(credentials: Credentials): Identity {
  return credentials.kind === 'metadata' ? 'metadata' : credentials.file.identity;
}

/** The account that asks, in words, for the operator alone. */
export function accountOf(credentials: Credentials): string {
  if (credentials.kind === 'metadata') return "this machine's own account";
  return accountIn(credentials.file.fields) ?? 'your own account';
}

/** Where gcloud keeps what `gcloud auth application-default login` makes. */
function wellKnownFile(env: Env): string | undefined {
  const folder = env['CLOUDSDK_CONFIG'] || (env['HOME'] && join(env['HOME'], '.config', 'gcloud'));
  return folder ? join(folder, 'application_default_credentials.json') : undefined;
}

/**
 * Finds the credentials: the configured file, else Application Default Credentials in Google's order
 * (https://cloud.google.com/docs/authentication/application-default-credentials).
 *
 * Google's client, asked to find them by itself, searches the network for a metadata server whenever
 * no file is at hand: on a machine that is not on Google Cloud that takes seconds and prints a warning.
 *
 * @throws SourceError if there are none, or they are unusable.
 */
export function findCredentials(
  file: string | undefined,
  env: Env,
  isOnGoogleCloud: () => boolean,
): Credentials {
  const at = (path: string, from: string): Credentials => ({
    kind: 'file',
    path,
    file: readCredentialFile(path, from, env),
  });
  if (file !== undefined) return at(file, 'credential_file');
  const named = env['GOOGLE_APPLICATION_CREDENTIALS'];
  if (named) return at(named, 'GOOGLE_APPLICATION_CREDENTIALS');
  const known = wellKnownFile(env);
  if (known !== undefined && existsSync(known)) return at(known, 'gcloud credentials');
  // Each of these is set by hand where there is a metadata server; `none` says that there is not.
  const told = env['GCE_METADATA_HOST'] || env['GCE_METADATA_IP'] || env['METADATA_SERVER_DETECTION'];
  if (told === undefined || told === '' ? isOnGoogleCloud() : told !== 'none') return { kind: 'metadata' };
  throw new SourceError(
    'credentials-missing',
    'sign-in: there are no Google credentials; set service.credential_file in tracked.yaml, or run: gcloud auth application-default login',
  );
}
