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
  readonly operator?: Sentences | undefined;
  /** What strangers are told: nothing of accounts, projects, paths, hosts, jobs or money. */
  readonly public: string;
}

/** Ends most of the public sentences. */
const told = (what: string) => `${what}; the operator has been told.`;

const NO_NETWORK = told("The collector's way to its source is not set up right");
const NOT_REACHED = 'The source could not be reached; the next run tries again.';
const NO_CREDENTIALS = told("Google refused the collector's credentials");
const NO_SETUP = told('BigQuery is not set up for the collector');
const TOO_SLOW = 'The source took too long to answer; the next run asks again.';
const NOT_WRITTEN = told('The collector could not write its files');

const PASSES = { passes: true } as const;
const ALL = { affectsAll: true } as const;
const REFUSED = { refused: true } as const;

function fault(flags: Omit<ErrorKind, 'public' | 'operator'>, told: string, operator?: Sentences): ErrorKind {
  return { ...flags, public: told, operator };
}

/** The table of faults. */
export const ERRORS = {
  // Wrong usage and configuration: exit code 2, nothing is written.
  usage: fault({}, told('The command was called in a wrong way')),
  configuration: fault({}, told('The configuration is wrong')),

  // Credentials.
  'credentials-missing': fault(ALL, told('The collector has no credentials for its source')),
  'credentials-unreadable': fault(ALL, told('The collector could not read its credentials')),
  'credentials-invalid': fault(ALL, told("The collector's credentials are damaged"), {
    key: 'the private key in the credential file is damaged; make a new key for the service account',
    other: 'the credential file cannot be used; make it again',
  }),
  'project-missing': fault(ALL, told("The collector's configuration is incomplete")),
  'credentials-refused': fault(ALL, NO_CREDENTIALS, {
    key: 'Google refused the key; check that the service account is enabled and that the clock is right, else make a new key for it',
    disabled: "the service account is disabled; enable it in the project's IAM settings, or use another one",
    login: 'Google refused the login; log in again: gcloud auth application-default login',
    impersonation:
      'Google refused the credentials that impersonate; log in again: gcloud auth application-default login --impersonate-service-account=ACCOUNT',
    federation:
      'Google refused the federated identity; check "audience" and "subject_token_type" in the credential file against the workload identity pool provider, and that the token has not expired',
    metadata: "Google refused the token of this machine's service account; check that the account is enabled",
    other: 'Google refused the credentials; check them, and that the clock is right',
  }),
  'sign-in-refused': fault(ALL, told('The source refused the collector'), {
    clickhouse:
      'ClickHouse refused the user or the password; check clickhouse.user and clickhouse.password_file in tracked.yaml',
    grant:
      'the user may not read the table; grant it SELECT on clickhouse.table, or set another clickhouse.user',
    metadata:
      'this machine has no service account that may sign in; attach one (with the scope cloud-platform), check its workload identity binding on Kubernetes, or set service.credential_file in tracked.yaml',
    other: '{who} gave no token; check the credentials',
  }),
  'impersonation-denied': fault(ALL, NO_CREDENTIALS, {
    federation:
      'the federated identity may not act as the service account; grant it the role Workload Identity User (roles/iam.workloadIdentityUser) on that account',
    other:
      'the credentials may not act as the account to be impersonated; grant them the role Service Account Token Creator (roles/iam.serviceAccountTokenCreator) on that account, check that it exists, and that the IAM Credentials API is enabled (gcloud services enable iamcredentials.googleapis.com)',
  }),
  'subject-token': fault(ALL, told('The collector could not sign in to its source'), {
    other:
      'there is no token to sign in with; check "credential_source" in the credential file, and whatever should put the token there',
  }),

  // The way there.
  'proxy-invalid': fault(ALL, NO_NETWORK),
  'proxy-refused': fault(ALL, NO_NETWORK, {
    password:
      '{who} wants a user name and a password; put them before the host in its address, as NAME:PASSWORD@ (special characters percent-encoded), or name the hosts that need no proxy in NO_PROXY',
    other:
      '{who} does not let the connection through; have the host of the source (*.googleapis.com:443 for BigQuery) allowed there, or name it in NO_PROXY',
  }),
  'proxy-unreachable': fault({ ...PASSES, ...ALL }, NOT_REACHED, {
    failed: '{who} cannot reach the server; run again later, and ask whoever runs the proxy if it lasts',
    other: '{who} cannot be reached; check the address in HTTPS_PROXY, and that the proxy runs',
  }),
  clock: fault(ALL, told("The collector's clock is wrong"), {
    other:
      "{who} shows a certificate that is not valid at the time of this machine's clock; set the clock (timedatectl set-ntp true), and if it is right, look at the certificate of any proxy in between",
  }),
  unreachable: fault({ ...PASSES, ...ALL }, NOT_REACHED, {
    clickhouse:
      '{who} cannot be reached; check the network, DNS, any proxy (HTTPS_PROXY), and clickhouse.url in tracked.yaml (or CLICKHOUSE_URL)',
    other: '{who} cannot be reached; check the network, DNS and any proxy (HTTPS_PROXY)',
  }),
  'connection-broken': fault(PASSES, 'The connection to the source broke; the next run tries again.', {
    other: 'the connection to {who} broke again and again; check the network and any proxy (HTTPS_PROXY)',
  }),
  'no-answer': fault({ ...PASSES, ...ALL }, 'The source did not answer; the next run tries again.', {
    bigquery:
      '{who} did not answer within the time limit; check the network and any proxy (HTTPS_PROXY), and see bigquery.query_timeout_seconds',
    other: '{who} did not answer within the time limit; check the network and any proxy (HTTPS_PROXY)',
  }),
  certificate: fault(ALL, told('The connection to the source could not be trusted'), {
    other:
      'the TLS certificate of {who} is not trusted; set NODE_EXTRA_CA_CERTS if it, or a proxy, has an authority of its own',
  }),
  'wrong-port': fault(ALL, NO_NETWORK, {
    native:
      "this port is for ClickHouse's own client; set the HTTP port in clickhouse.url (8123, or 8443 with https)",
    other: '{who} does not speak TLS at this port; write http://, or the port that does',
  }),
  unavailable: fault(PASSES, 'The source is in trouble; the next run tries again.', {
    bigquery: '{who} is in trouble; run again later, and see status.cloud.google.com if it lasts',
    other: '{who}, or a proxy before it, is in trouble; run again later',
  }),
  'rate-limited': fault(PASSES, 'The source had too many requests; the next run tries again.', {
    bigquery: '{who} had too many requests; lower service.concurrency, or run at another hour',
    pypistats:
      '{who} allows 30 requests a minute for each address, and others may share yours; run again in a few minutes',
    other: '{who} has too many requests and asks for a pause; run again later',
  }),
  'not-the-source': fault(PASSES, told('Something else answered in place of the source'), {
    clickhouse:
      'something that is not ClickHouse answered; check clickhouse.url in tracked.yaml (or CLICKHOUSE_URL) and any proxy',
    pypistats: 'something that is not pypistats.org answered; check PYPISTATS_URL and any proxy',
    other:
      'something else answered in place of {who}; check any proxy (HTTPS_PROXY), or BIGQUERY_EMULATOR_HOST',
  }),

  // What the source says.
  'api-disabled': fault(ALL, NO_SETUP, {
    other: 'the API is not enabled in the project; run: gcloud services enable bigquery.googleapis.com',
  }),
  'free-tier': fault(ALL, "BigQuery's free tier is used up; figures go on in the next month.", {
    other:
      'the free tier of this month (1 TiB) is used up; wait for the next month, or turn on billing for the project',
  }),
  quota: fault(ALL, told('A quota of the collector is used up'), {
    clickhouse: "the user's quota on the server is used up; run again later, and less often",
    other:
      'a quota of the project is used up; see IAM & Admin > Quotas in the Google Cloud console, and raise it or wait until it is renewed',
  }),
  'billing-disabled': fault(ALL, NO_SETUP, {
    other: 'the project may not run this query without billing; turn on billing for the project',
  }),
  permission: fault(ALL, told('BigQuery refused the permission'), {
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
  }),
  'not-found': fault(ALL, told('The source does not have the table that was asked for'), {
    clickhouse: 'the table is not there; check clickhouse.table and clickhouse.url in tracked.yaml',
    location:
      'the table is not in this location; check bigquery.location in tracked.yaml (the public table is in US)',
    other: 'not found; check bigquery.table, bigquery.location and bigquery.project_id in tracked.yaml',
  }),
  'query-invalid': fault(ALL, told('The source did not understand the query'), {
    clickhouse:
      '{who} does not understand the query; check clickhouse.table, and that the server is ClickHouse 23.8 or newer',
    settings:
      'the user may not send the settings that rule out a cut answer (read_overflow_mode and others); give it a profile with readonly = 2',
    other: 'the query is not understood; check that bigquery.table has the schema of the public table',
  }),
  'too-large': fault(REFUSED, 'This package has more downloads a day than the source counts at once.', {
    bigquery:
      'the query takes more than BigQuery gives to one; use source: clickhouse for this package, or a project with a reservation',
    bill: 'the query would bill more than the project allows (maximum bytes billed); raise that limit in the settings of the project, or list fewer packages',
    memory:
      'a single day of this package takes more memory than the server gives to a query; take the package off the list, or use a server or source without this limit',
    other:
      'a single day of this package is more than the server reads or answers at once; take the package off the list, or use a server or source without this limit',
  }),
  timeout: fault(REFUSED, TOO_SLOW, {
    clickhouse:
      'the server did not answer in time; run again later, or raise clickhouse.query_timeout_seconds',
    other:
      'the server ended the query at its time limit, even for a single day of this package; run again at another hour',
  }),
  'job-stopped': fault({}, 'The query was cancelled; the next run asks again.', {
    other: 'somebody else cancelled the job; run again, or look the job up in the BigQuery console',
  }),
  'job-timeout': fault(REFUSED, TOO_SLOW, {
    other: 'the job was ended at its time limit; raise bigquery.query_timeout_seconds',
  }),
  'job-failed': fault({ ...PASSES, ...REFUSED }, 'The source failed to answer; the next run tries again.', {
    other: 'the job failed each time; run again later, and see status.cloud.google.com if it lasts',
  }),
  /** What has no code of its own: it may pass. */
  'source-failed': fault({ ...PASSES, ...REFUSED }, told('The source answered with a fault'), {
    other: 'the request failed; run again later, and report this if it lasts',
  }),

  // Answers that cannot be counted.
  'unexpected-answer': fault(REFUSED, told('The source answered something else than was asked'), {
    pypistats: 'the answer of {who} has another shape than it used to; please report this',
    schema:
      'the table lacks a column or has another type for it; check that clickhouse.table has the columns of ClickPy (pypi.pypi)',
    other: 'the answer is longer than any right one; check that the address is that of the source',
  }),
  'incomplete-window': fault(
    {},
    'Of too many days of a window it is not known which downloads were by CI, so its badges stay as they were.',
  ),
  truncated: fault(REFUSED, told("The source's answer was cut off, so nothing was counted")),
  'upstream-late': fault(ALL, "PyPI's log is behind in the source; the badges wait for it."),
  'upstream-back': fault(ALL, "PyPI's log lacks days that the source had before; the badges wait for them."),
  budget: fault({}, "This month's budget is used up; figures go on in the next month."),

  // Local files.
  'duckdb-missing': fault(ALL, told('The collector is not completely installed')),
  'files-missing': fault(ALL, told('The files to count are not there')),
  'files-unreadable': fault(ALL, told('The files to count cannot be read')),
  'disk-full': fault({}, told("The collector's disk is full")),
  'disk-readonly': fault({}, NOT_WRITTEN),
  'disk-permission': fault({}, NOT_WRITTEN),
  'disk-obstacle': fault({}, NOT_WRITTEN),
  'disk-failed': fault({}, told("The collector's disk failed")),
  locked: fault({}, 'Another run is under way.'),
  'lock-lost': fault(ALL, told('Another run may be under way')),
  'state-damaged': fault({}, told("The collector's own files are damaged")),
  'group-incomplete': fault({}, 'A package of this group could not be counted.'),
  'no-health': fault({}, 'Nothing was collected yet.'),
  interrupted: fault({}, 'The run was ended early; the next run goes on.'),

  /** A fault of this program. */
  bug: fault({}, told('The collector has a fault')),
} satisfies Record<string, ErrorKind>;

/** The name of a kind of fault; it never changes, as other programs rely on it. */
export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}

/**
 * What happened and what to do, for the operator.
 *
 * @param who Who was asked, for sentences that name it.
 * @param variants Which of the code's sentences to take: the first of these that it has.
 */
export function sentenceOf(code: ErrorCode, who: string, variants: readonly (string | undefined)[]): string {
  const { operator = { other: 'it failed; run again' } } = ERRORS[code];
  const known = variants.find((each) => each !== undefined && Object.hasOwn(operator, each)) ?? 'other';
  return (operator[known] ?? operator.other).replaceAll('{who}', who);
}
