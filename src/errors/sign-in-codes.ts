/* Kinds of faults on the way to BigQuery: proxy, clock, signing in. A part of the table in codes.ts. */

import { ABSENT, BROKEN, type ErrorKind, SERVER_ERRORS, type Step, TOLD } from './kind.ts';

const SIGN_IN: readonly Step[] = ['sign-in'];
const PROXY: readonly Step[] = ['proxy'];
const BIGQUERY: readonly Step[] = ['bigquery'];

const REFUSALS: readonly number[] = [400, 401, 403, 404];

const REFUSED = `Google refused the collector's credentials; ${TOLD}.`;
const NO_SIGN_IN = `The collector could not sign in to its source; ${TOLD}.`;
const NO_NETWORK = `The collector's way to its source is not set up right; ${TOLD}.`;

export const SIGN_IN_CODES = {
  // The proxy.
  'proxy-invalid': { affectsAll: true, public: NO_NETWORK },
  'proxy-password': {
    affectsAll: true,
    signs: [{ step: PROXY, status: [407] }],
    operator:
      '{who} wants a user name and a password; put them before the host in its address, as NAME:PASSWORD@ (special characters percent-encoded), or name the hosts that need no proxy in NO_PROXY',
    public: NO_NETWORK,
  },
  'proxy-failed': {
    passes: true,
    affectsAll: true,
    signs: [{ step: PROXY, status: SERVER_ERRORS }],
    operator: '{who} cannot reach the server; run again later, and ask whoever runs the proxy if it lasts',
    public: 'The source could not be reached; the next run tries again.',
  },
  'proxy-unreachable': {
    passes: true,
    affectsAll: true,
    signs: [
      { step: PROXY, code: [...ABSENT, ...BROKEN] },
      { step: PROXY, says: /connection ended/ },
    ],
    operator: '{who} cannot be reached; check the address in HTTPS_PROXY, and that the proxy runs',
    public: 'The source could not be reached; the next run tries again.',
  },
  'proxy-refused': {
    affectsAll: true,
    signs: [{ step: PROXY, status: [400, 401, 403, 404, 405, 429, 451] }],
    operator:
      '{who} does not let the connection through; have *.googleapis.com:443 allowed there, or name the hosts that need no proxy in NO_PROXY',
    public: NO_NETWORK,
  },

  // The clock, as far as a certificate tells.
  clock: {
    affectsAll: true,
    signs: [{ code: ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'] }],
    operator:
      "{who} shows a certificate that is not valid at the time of this machine's clock; set the clock (timedatectl set-ntp true), and if it is right, look at the certificate of any proxy in between",
    public: `The collector's clock is wrong; ${TOLD}.`,
  },

  // What any of Google's services may say.
  perimeter: {
    affectsAll: true,
    signs: [
      { reason: ['policyViolation', 'SECURITY_POLICY_VIOLATED'] },
      { says: /VPC Service Controls|vpcServiceControlsUniqueIdentifier/ },
    ],
    operator:
      "a service perimeter of the organization (VPC Service Controls) forbids it; give the identifier in this message to the organization's administrator, who finds the rule with it",
    public: `BigQuery refused the permission; ${TOLD}.`,
  },
  scopes: {
    affectsAll: true,
    signs: [{ reason: ['ACCESS_TOKEN_SCOPE_INSUFFICIENT'] }, { says: /insufficient authentication scopes/i }],
    operator: {
      metadata:
        "the machine's access scopes are too narrow; stop the VM, give it the scope cloud-platform (gcloud compute instances set-service-account --scopes=cloud-platform), and start it again",
      login:
        'the login lacks a scope; log in again: gcloud auth application-default login --scopes=https://www.googleapis.com/auth/cloud-platform',
      other: 'the token lacks a scope; the credentials need https://www.googleapis.com/auth/cloud-platform',
    },
    public: `BigQuery refused the permission; ${TOLD}.`,
  },
  'quota-project': {
    affectsAll: true,
    signs: [{ reason: ['USER_PROJECT_DENIED'] }],
    operator: {
      login:
        'the login may not use the quota project that it names; run: gcloud auth application-default set-quota-project PROJECT, or have the role Service Usage Consumer (roles/serviceusage.serviceUsageConsumer) granted on it',
      other:
        'the credentials may not use the quota project that they name; grant them the role Service Usage Consumer (roles/serviceusage.serviceUsageConsumer) on it, or take quota_project_id out of the credential file',
    },
    public: `BigQuery refused the permission; ${TOLD}.`,
  },

  // Signing in.
  'impersonation-missing': {
    affectsAll: true,
    signs: [{ party: ['iam'], status: [404] }],
    operator:
      'the account to be impersonated does not exist; check service_account_impersonation_url in the credential file, or restore the account',
    public: REFUSED,
  },
  'iam-api-disabled': {
    affectsAll: true,
    signs: [
      { party: ['iam'], reason: ['SERVICE_DISABLED', 'accessNotConfigured'] },
      { party: ['iam'], says: /has not been used in project|SERVICE_DISABLED/ },
    ],
    operator:
      'the IAM Credentials API is not enabled in the project that {who} names; run: gcloud services enable iamcredentials.googleapis.com',
    public: REFUSED,
  },
  'impersonation-denied': {
    affectsAll: true,
    signs: [{ party: ['iam'], status: [403] }],
    operator: {
      federation:
        'the federated identity may not act as the service account; grant it the role Workload Identity User (roles/iam.workloadIdentityUser) on that account',
      other:
        'the credentials may not act as the account to be impersonated; grant them the role Service Account Token Creator (roles/iam.serviceAccountTokenCreator) on that account',
    },
    public: REFUSED,
  },
  'federation-audience': {
    affectsAll: true,
    signs: [{ party: ['sts'], reason: ['invalid_target'] }],
    operator:
      '{who} does not know the audience; check in the credential file that "audience" names an existing workload identity pool and provider, and that neither is disabled',
    public: REFUSED,
  },
  'federation-condition': {
    affectsAll: true,
    signs: [{ party: ['sts'], says: /attribute condition/i }],
    operator:
      'the token does not meet the attribute condition of the workload identity pool provider; compare the condition with what the token says of its subject',
    public: REFUSED,
  },
  'federation-refused': {
    affectsAll: true,
    signs: [{ party: ['sts'], status: REFUSALS }],
    operator:
      '{who} refused the token; check that it has not expired, that its issuer and audience are those of the workload identity pool provider, and "subject_token_type" in the credential file',
    public: REFUSED,
  },
  'subject-token': {
    affectsAll: true,
    signs: [
      { party: ['subject'], status: [...REFUSALS, 405, 410, 422] },
      { party: ['subject'], code: ['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ELOOP'] },
      { party: ['subject'], says: /subject.?token|does not exist|executable|AWS|JSON/i },
    ],
    operator:
      'there is no token to sign in with; check "credential_source" in the credential file, and whatever should put the token there',
    public: NO_SIGN_IN,
  },
  'metadata-binding': {
    affectsAll: true,
    signs: [{ party: ['metadata'], says: /getAccessToken|workload.?identity/i }],
    operator:
      'the Kubernetes service account may not act as the Google service account; grant it the role Workload Identity User (roles/iam.workloadIdentityUser) on that account, and check the annotation iam.gke.io/gcp-service-account',
    public: REFUSED,
  },
  'metadata-account': {
    affectsAll: true,
    signs: [{ party: ['metadata'], status: [404] }],
    operator:
      'this machine has no service account; attach one to it (with the scope cloud-platform), or set service.credential_file in tracked.yaml',
    public: `The collector has no credentials for its source; ${TOLD}.`,
  },
  'credentials-refused': {
    affectsAll: true,
    signs: [
      { step: [...SIGN_IN, ...BIGQUERY], status: [401] },
      { party: ['token'], status: REFUSALS },
      { step: SIGN_IN, says: /invalid_(grant|client|rapt)/ },
    ],
    operator: {
      key: 'Google refused the key; check that the service account is enabled and that the clock is right, else make a new key for it',
      login: 'Google refused the login; log in again: gcloud auth application-default login',
      impersonation:
        'Google refused the credentials that impersonate; log in again: gcloud auth application-default login --impersonate-service-account=ACCOUNT',
      federation:
        'Google refused the federated identity; check the workload identity pool, and that the clock is right',
      metadata:
        "Google refused the token of this machine's service account; check that the account is enabled",
      other: 'Google refused the credentials; check them, and that the clock is right',
    },
    public: REFUSED,
  },
  'sign-in-failed': {
    affectsAll: true,
    operator: '{who} gave no token; check the credentials',
    public: NO_SIGN_IN,
  },
} as const satisfies Record<string, ErrorKind>;
