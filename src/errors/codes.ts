/*
 * Every fault that the program can report, by its code: the one table of whether it may pass by itself, whether every
 * package would meet it, and what to say to whom. The code stands in `_health.json`, in the log, in the metrics and
 * on the page, and docs/operations.md has a row for each. Which sign leads to which code is told beside each
 * source.
 */

/** Who was being talked to when it happened. */
export type Step = 'sign-in' | 'proxy' | 'bigquery' | 'clickhouse' | 'pypistats';

/** One of a code's sentences, and the rest. */
type Sentences = Readonly<Record<string, string>> & { readonly other: string };

export interface ErrorKind {
  /** Whether the same request may well work a little later. */
  readonly passes?: true;
  /** Whether every other package would meet the same, so that asking for the rest makes no sense. */
  readonly affectsAll?: true;
  /** Whether the query itself was refused: a smaller one may be answered. */
  readonly refused?: true;
  /**
   * What happened and what to do, for the operator; absent where the place that raises it says more. `{who}` stands
   * for who was asked. Where it depends on what was asked, or on what one signs in with, there are several.
   */
  readonly operator?: string | Sentences;
  /** What strangers are told: nothing of accounts, projects, paths, hosts, jobs or money. */
  readonly public: string;
}

/** Ends most of the public sentences. */
const TOLD = 'the operator has been told';

const NO_NETWORK = `The collector's way to its source is not set up right; ${TOLD}.`;
const NOT_REACHED = 'The source could not be reached; the next run tries again.';
const REFUSED = `Google refused the collector's credentials; ${TOLD}.`;
const NO_SETUP = `BigQuery is not set up for the collector; ${TOLD}.`;
const TOO_SLOW = 'The source took too long to answer; the next run asks again.';
const NOT_WRITTEN = `The collector could not write its files; ${TOLD}.`;

const TABLE = {
  // Wrong usage and configuration: exit code 2, nothing is written.
  usage: { public: `The command was called in a wrong way; ${TOLD}.` },
  configuration: { public: `The configuration is wrong; ${TOLD}.` },

  // Credentials.
  'credentials-missing': {
    affectsAll: true,
    public: `The collector has no credentials for its source; ${TOLD}.`,
  },
  'credentials-unreadable': {
    affectsAll: true,
    public: `The collector could not read its credentials; ${TOLD}.`,
  },
  'credentials-invalid': {
    affectsAll: true,
    operator: {
      key: 'the private key in the credential file is damaged; make a new key for the service account',
      other: 'the credential file cannot be used; make it again',
    },
    public: `The collector's credentials are damaged; ${TOLD}.`,
  },
  'project-missing': {
    affectsAll: true,
    public: `The collector's configuration is incomplete; ${TOLD}.`,
  },
  'credentials-refused': {
    affectsAll: true,
    operator: {
      key: 'Google refused the key; check that the service account is enabled and that the clock is right, else make a new key for it',
      disabled:
        "the service account is disabled; enable it in the project's IAM settings, or use another one",
      login: 'Google refused the login; log in again: gcloud auth application-default login',
      impersonation:
        'Google refused the credentials that impersonate; log in again: gcloud auth application-default login --impersonate-service-account=ACCOUNT',
      federation:
        'Google refused the federated identity; check "audience" and "subject_token_type" in the credential file against the workload identity pool provider, and that the token has not expired',
      metadata:
        "Google refused the token of this machine's service account; check that the account is enabled",
      other: 'Google refused the credentials; check them, and that the clock is right',
    },
    public: REFUSED,
  },
  'sign-in-refused': {
    affectsAll: true,
    operator: {
      clickhouse:
        'ClickHouse refused the user or the password; check clickhouse.user and clickhouse.password_file in tracked.yaml',
      grant:
        'the user may not read the table; grant it SELECT on clickhouse.table, or set another clickhouse.user',
      metadata:
        'this machine has no service account that may sign in; attach one (with the scope cloud-platform), check its workload identity binding on Kubernetes, or set service.credential_file in tracked.yaml',
      other: '{who} gave no token; check the credentials',
    },
    public: `The source refused the collector; ${TOLD}.`,
  },
  'impersonation-denied': {
    affectsAll: true,
    operator: {
      federation:
        'the federated identity may not act as the service account; grant it the role Workload Identity User (roles/iam.workloadIdentityUser) on that account',
      other:
        'the credentials may not act as the account to be impersonated; grant them the role Service Account Token Creator (roles/iam.serviceAccountTokenCreator) on that account, check that it exists, and that the IAM Credentials API is enabled (gcloud services enable iamcredentials.googleapis.com)',
    },
    public: REFUSED,
  },
  'subject-token': {
    affectsAll: true,
    operator:
      'there is no token to sign in with; check "credential_source" in the credential file, and whatever should put the token there',
    public: `The collector could not sign in to its source; ${TOLD}.`,
  },

  // The way there.
  'proxy-invalid': { affectsAll: true, public: NO_NETWORK },
  'proxy-refused': {
    affectsAll: true,
    operator: {
      password:
        '{who} wants a user name and a password; put them before the host in its address, as NAME:PASSWORD@ (special characters percent-encoded), or name the hosts that need no proxy in NO_PROXY',
      other:
        '{who} does not let the connection through; have the host of the source (*.googleapis.com:443 for BigQuery) allowed there, or name it in NO_PROXY',
    },
    public: NO_NETWORK,
  },
  'proxy-unreachable': {
    passes: true,
    affectsAll: true,
    operator: {
      failed: '{who} cannot reach the server; run again later, and ask whoever runs the proxy if it lasts',
      other: '{who} cannot be reached; check the address in HTTPS_PROXY, and that the proxy runs',
    },
    public: NOT_REACHED,
  },
  clock: {
    affectsAll: true,
    operator:
      "{who} shows a certificate that is not valid at the time of this machine's clock; set the clock (timedatectl set-ntp true), and if it is right, look at the certificate of any proxy in between",
    public: `The collector's clock is wrong; ${TOLD}.`,
  },
  unreachable: {
    passes: true,
    affectsAll: true,
    operator: {
      clickhouse:
        '{who} cannot be reached; check the network, DNS, any proxy (HTTPS_PROXY), and clickhouse.url in tracked.yaml (or CLICKHOUSE_URL)',
      other: '{who} cannot be reached; check the network, DNS and any proxy (HTTPS_PROXY)',
    },
    public: NOT_REACHED,
  },
  'connection-broken': {
    passes: true,
    operator: 'the connection to {who} broke again and again; check the network and any proxy (HTTPS_PROXY)',
    public: 'The connection to the source broke; the next run tries again.',
  },
  'no-answer': {
    passes: true,
    affectsAll: true,
    operator: {
      bigquery:
        '{who} did not answer within the time limit; check the network and any proxy (HTTPS_PROXY), and see bigquery.query_timeout_seconds',
      other: '{who} did not answer within the time limit; check the network and any proxy (HTTPS_PROXY)',
    },
    public: 'The source did not answer; the next run tries again.',
  },
  certificate: {
    affectsAll: true,
    operator:
      'the TLS certificate of {who} is not trusted; set NODE_EXTRA_CA_CERTS if it, or a proxy, has an authority of its own',
    public: `The connection to the source could not be trusted; ${TOLD}.`,
  },
  'wrong-port': {
    affectsAll: true,
    operator: {
      native:
        "this port is for ClickHouse's own client; set the HTTP port in clickhouse.url (8123, or 8443 with https)",
      other: '{who} does not speak TLS at this port; write http://, or the port that does',
    },
    public: NO_NETWORK,
  },
  unavailable: {
    passes: true,
    operator: {
      bigquery: '{who} is in trouble; run again later, and see status.cloud.google.com if it lasts',
      other: '{who}, or a proxy before it, is in trouble; run again later',
    },
    public: 'The source is in trouble; the next run tries again.',
  },
  'rate-limited': {
    passes: true,
    operator: {
      bigquery: '{who} had too many requests; lower service.concurrency, or run at another hour',
      pypistats:
        '{who} allows 30 requests a minute for each address, and others may share yours; run again in a few minutes',
      other: '{who} has too many requests and asks for a pause; run again later',
    },
    public: 'The source had too many requests; the next run tries again.',
  },
  'not-the-source': {
    passes: true,
    operator: {
      clickhouse:
        'something that is not ClickHouse answered; check clickhouse.url in tracked.yaml (or CLICKHOUSE_URL) and any proxy',
      pypistats: 'something that is not pypistats.org answered; check PYPISTATS_URL and any proxy',
      other:
        'something else answered in place of {who}; check any proxy (HTTPS_PROXY), or BIGQUERY_EMULATOR_HOST',
    },
    public: `Something else answered in place of the source; ${TOLD}.`,
  },

  // What the source says.
  'api-disabled': {
    affectsAll: true,
    operator: 'the API is not enabled in the project; run: gcloud services enable bigquery.googleapis.com',
    public: NO_SETUP,
  },
  'free-tier': {
    affectsAll: true,
    operator:
      'the free tier of this month (1 TiB) is used up; wait for the next month, or turn on billing for the project',
    public: 'What BigQuery gives for free in a month is used up; figures go on in the next month.',
  },
  quota: {
    affectsAll: true,
    operator: {
      clickhouse: "the user's quota on the server is used up; run again later, and less often",
      other:
        'a quota of the project is used up; see IAM & Admin > Quotas in the Google Cloud console, and raise it or wait until it is renewed',
    },
    public: `A quota of the collector is used up; ${TOLD}.`,
  },
  'billing-disabled': {
    affectsAll: true,
    operator: 'the project may not run this query without billing; turn on billing for the project',
    public: NO_SETUP,
  },
  permission: {
    affectsAll: true,
    operator: {
      perimeter:
        "a service perimeter of the organization (VPC Service Controls) forbids it; give the identifier in this message to the organization's administrator, who finds the rule with it",
      scopes:
        'the token lacks a scope; give the VM, the login or the token the scope https://www.googleapis.com/auth/cloud-platform',
      'quota-project':
        'the credentials may not use the quota project that they name; run: gcloud auth application-default set-quota-project PROJECT, or have the role Service Usage Consumer (roles/serviceusage.serviceUsageConsumer) granted on it',
      login:
        'permission denied; have the roles BigQuery Job User (roles/bigquery.jobUser) and BigQuery Data Viewer (roles/bigquery.dataViewer) granted to your account',
      federation:
        'permission denied; grant the federated identity (or the service account that it acts as) the roles BigQuery Job User (roles/bigquery.jobUser) and BigQuery Data Viewer (roles/bigquery.dataViewer)',
      other:
        'permission denied; grant the service account the roles BigQuery Job User (roles/bigquery.jobUser) and BigQuery Data Viewer (roles/bigquery.dataViewer)',
    },
    public: `BigQuery refused the permission; ${TOLD}.`,
  },
  'not-found': {
    affectsAll: true,
    operator: {
      clickhouse: 'the table is not there; check clickhouse.table and clickhouse.url in tracked.yaml',
      location:
        'the table is not in this location; check bigquery.location in tracked.yaml (the public table is in US)',
      other: 'not found; check bigquery.table, bigquery.location and bigquery.project_id in tracked.yaml',
    },
    public: `The source does not have the table that was asked for; ${TOLD}.`,
  },
  'query-invalid': {
    affectsAll: true,
    operator: {
      clickhouse:
        '{who} does not understand the query; check clickhouse.table, and that the server is ClickHouse 23.8 or newer',
      settings:
        'the user may not send the settings that rule out a cut answer (read_overflow_mode and others); give it a profile with readonly = 2',
      other: 'the query is not understood; check that bigquery.table has the schema of the public table',
    },
    public: `The source did not understand the query; ${TOLD}.`,
  },
  'too-large': {
    refused: true,
    operator: {
      bigquery:
        'the query takes more than BigQuery gives to one; use source: clickhouse for this package, or a project with a reservation',
      bill: 'the query would bill more than the project allows (maximum bytes billed); raise that limit in the settings of the project, or list fewer packages',
      memory:
        'a single day of this package takes more memory than the server gives to a query; take the package off the list, or use a server or source without this limit',
      other:
        'a single day of this package is more than the server reads or answers at once; take the package off the list, or use a server or source without this limit',
    },
    public: 'This package has more downloads a day than the source counts at once.',
  },
  timeout: {
    refused: true,
    operator: {
      clickhouse:
        'the server did not answer in time; run again later, or raise clickhouse.query_timeout_seconds',
      other:
        'the server ended the query at its time limit, even for a single day of this package; run again at another hour',
    },
    public: TOO_SLOW,
  },
  'job-stopped': {
    operator: 'somebody else cancelled the job; run again, or look the job up in the BigQuery console',
    public: 'The query was cancelled; the next run asks again.',
  },
  'job-timeout': {
    refused: true,
    operator: 'the job was ended at its time limit; raise bigquery.query_timeout_seconds',
    public: TOO_SLOW,
  },
  'job-failed': {
    passes: true,
    refused: true,
    operator: 'the job failed each time; run again later, and see status.cloud.google.com if it lasts',
    public: 'The source failed to answer; the next run tries again.',
  },
  /** What has no code of its own: it may pass. */
  'source-failed': {
    passes: true,
    refused: true,
    operator: 'the request failed; run again later, and report this if it lasts',
    public: `The source answered with a fault; ${TOLD}.`,
  },

  // Answers that cannot be counted.
  'unexpected-answer': {
    refused: true,
    operator: {
      pypistats: 'the answer of {who} has another shape than it used to; please report this',
      schema:
        'the table lacks a column or has another type for it; check that clickhouse.table has the columns of ClickPy (pypi.pypi)',
      columns:
        '{who} answered with other columns than were asked for; check that clickhouse.table has the columns of ClickPy (pypi.pypi)',
      other: 'the answer is longer than any right one; check that the address is that of the source',
    },
    public: `The source answered something else than was asked; ${TOLD}.`,
  },
  'incomplete-window': {
    public:
      'Of too many days of a window it is not known which downloads were by CI, so its badges stay as they were.',
  },
  truncated: {
    refused: true,
    public: `The source's answer was cut off, so nothing was counted; ${TOLD}.`,
  },
  'upstream-late': {
    affectsAll: true,
    public: "PyPI's log is behind in the source; the badges wait for it.",
  },
  'upstream-back': {
    affectsAll: true,
    public: "PyPI's log lacks days in the source that it had before; the badges wait for them.",
  },
  budget: { public: "This month's budget is used up; figures go on in the next month." },

  // Local files.
  'duckdb-missing': { affectsAll: true, public: `The collector is not completely installed; ${TOLD}.` },
  'files-missing': { affectsAll: true, public: `The files to count are not there; ${TOLD}.` },
  'files-unreadable': { affectsAll: true, public: `The files to count cannot be read; ${TOLD}.` },
  'disk-full': { public: `The collector's disk is full; ${TOLD}.` },
  'disk-readonly': { public: NOT_WRITTEN },
  'disk-permission': { public: NOT_WRITTEN },
  'disk-obstacle': { public: NOT_WRITTEN },
  'disk-failed': { public: `The collector's disk failed; ${TOLD}.` },
  locked: { public: 'Another run is under way.' },
  'lock-lost': { affectsAll: true, public: `Another run may be under way; ${TOLD}.` },
  'state-damaged': { public: `The collector's own files are damaged; ${TOLD}.` },
  'group-incomplete': { public: 'A package of this group could not be counted.' },
  'no-health': { public: 'Nothing was collected yet.' },
  interrupted: { public: 'The run was ended early; the next run goes on.' },

  /** A fault of this program. */
  bug: { public: `The collector has a fault; ${TOLD}.` },
} as const satisfies Record<string, ErrorKind>;

/** The name of a kind of fault; it never changes, as other programs rely on it. */
export type ErrorCode = keyof typeof TABLE;

export const ERRORS: Readonly<Record<ErrorCode, ErrorKind>> = TABLE;

export const ERROR_CODES = Object.keys(TABLE) as ErrorCode[];

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(TABLE, value);
}

/**
 * What happened and what to do, for the operator.
 *
 * @param who Who was asked, for sentences that name it.
 * @param variants Which of the code's sentences to take: the first of these that it has.
 */
export function sentenceOf(
  code: ErrorCode,
  who: string,
  variants: readonly (string | undefined)[] = [],
): string {
  const { operator = 'it failed; run again' } = ERRORS[code];
  const sentences: Sentences = typeof operator === 'string' ? { other: operator } : operator;
  const known = variants.find((each) => each !== undefined && Object.hasOwn(sentences, each)) ?? 'other';
  return (sentences[known] ?? sentences.other).replaceAll('{who}', who);
}
