/*
 * Every fault that the program can report, by its code: the one table of what raises it, whether it may
 * pass by itself, whether every package would meet it, and what to say to whom. The code stands in
 * `_health.json`, in the log, in the metrics and on the page, and docs/operations.md has a section for each.
 */

import {
  ABSENT,
  BROKEN,
  type ErrorKind,
  type Fault,
  GARBLED,
  type Identity,
  SERVER_ERRORS,
  SILENT,
  type Sign,
  type Step,
  TOLD,
} from './kind.ts';
import { SIGN_IN_CODES } from './sign-in-codes.ts';

export type { ErrorKind, Fault, Identity, Party, Sign, Step } from './kind.ts';
export { GARBLED, SILENT } from './kind.ts';

const BIGQUERY: readonly Step[] = ['bigquery'];
const SERVERS: readonly Step[] = ['sign-in', 'bigquery', 'clickhouse'];

const TABLE = {
  // Wrong usage and configuration: exit code 2, nothing is written.
  usage: { public: `The command was called in a wrong way; ${TOLD}.` },
  configuration: { public: `The configuration is wrong; ${TOLD}.` },

  // Credentials, before anybody is asked.
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
    public: `The collector's credentials are damaged; ${TOLD}.`,
  },
  'project-missing': {
    affectsAll: true,
    public: `The collector's configuration is incomplete; ${TOLD}.`,
  },

  // The same of a source that is not Google's.
  'source-file': { affectsAll: true, public: `The collector could not read its credentials; ${TOLD}.` },
  'sign-in-refused': { affectsAll: true, public: `The source refused the collector; ${TOLD}.` },
  ...SIGN_IN_CODES,

  // What Google says.
  'api-disabled': {
    affectsAll: true,
    signs: [
      { step: BIGQUERY, reason: ['accessNotConfigured', 'SERVICE_DISABLED'] },
      { step: BIGQUERY, says: /has not been used in project|SERVICE_DISABLED/ },
    ],
    operator: 'the API is not enabled in the project; run: gcloud services enable bigquery.googleapis.com',
    public: `BigQuery is not set up for the collector; ${TOLD}.`,
  },
  'free-tier': {
    affectsAll: true,
    signs: [{ step: BIGQUERY, reason: ['quotaExceeded'], says: /free query bytes/i }],
    operator:
      'the free tier of this month (1 TiB) is used up; wait for the next month, or turn on billing for the project',
    public: 'What BigQuery gives for free in a month is used up; figures go on in the next month.',
  },
  quota: {
    affectsAll: true,
    signs: [{ step: BIGQUERY, reason: ['quotaExceeded'] }],
    operator:
      'a quota of the project is used up; see IAM & Admin > Quotas in the Google Cloud console, and raise it or wait until it is renewed',
    public: `A quota of the collector is used up; ${TOLD}.`,
  },
  'billing-disabled': {
    affectsAll: true,
    signs: [
      { step: BIGQUERY, reason: ['billingNotEnabled', 'billingTierLimitExceeded', 'BILLING_DISABLED'] },
    ],
    operator: 'the project may not run this query without billing; turn on billing for the project',
    public: `BigQuery is not set up for the collector; ${TOLD}.`,
  },
  'rate-limited': {
    passes: true,
    signs: [
      { step: BIGQUERY, reason: ['rateLimitExceeded', 'jobRateLimitExceeded'] },
      { step: SERVERS, status: [429] },
    ],
    operator: '{who} had too many requests; lower service.concurrency, or run at another hour',
    public: 'The source had too many requests; the next run tries again.',
  },
  permission: {
    affectsAll: true,
    refused: true,
    signs: [
      { step: BIGQUERY, reason: ['accessDenied'] },
      { step: BIGQUERY, status: [403] },
    ],
    operator: {
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
    refused: true,
    signs: [
      { step: BIGQUERY, reason: ['notFound'] },
      { step: BIGQUERY, status: [404] },
    ],
    operator: 'not found; check bigquery.table, bigquery.location and bigquery.project_id in tracked.yaml',
    public: `The source does not have the table that was asked for; ${TOLD}.`,
  },
  'query-invalid': {
    affectsAll: true,
    refused: true,
    signs: [{ step: BIGQUERY, reason: ['invalidQuery'] }],
    operator: 'the query is not understood; check that bigquery.table has the schema of the public table',
    public: `The source did not understand the question; ${TOLD}.`,
  },
  'job-stopped': {
    signs: [{ step: BIGQUERY, reason: ['stopped'] }],
    operator: 'somebody else cancelled the job; run again, or look the job up in the BigQuery console',
    public: 'The question was cancelled; the next run asks again.',
  },
  'job-timeout': {
    signs: [{ step: BIGQUERY, reason: ['timeout'] }],
    operator: 'the job was ended at its time limit; raise bigquery.query_timeout_seconds',
    public: 'The source took too long to answer; the next run asks again.',
  },
  unreachable: {
    passes: true,
    affectsAll: true,
    signs: [{ code: ABSENT }],
    operator: '{who} cannot be reached; check the network, DNS and any proxy (HTTPS_PROXY)',
    public: 'The source could not be reached; the next run tries again.',
  },
  'connection-broken': {
    passes: true,
    signs: [{ code: BROKEN }],
    operator: 'the connection to {who} broke again and again; check the network and any proxy (HTTPS_PROXY)',
    public: 'The connection to the source broke; the next run tries again.',
  },
  'no-answer': {
    affectsAll: true,
    signs: [{ reason: [SILENT] }],
    operator:
      '{who} did not answer within the time limit; check the network and any proxy (HTTPS_PROXY), and see bigquery.query_timeout_seconds',
    public: 'The source did not answer; the next run tries again.',
  },
  certificate: {
    affectsAll: true,
    signs: [{ code: /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL|EPROTO/ }],
    operator:
      'the TLS certificate of {who} is not trusted; set NODE_EXTRA_CA_CERTS if a proxy has one of its own',
    public: `The connection to the source could not be trusted; ${TOLD}.`,
  },
  'key-damaged': {
    affectsAll: true,
    signs: [{ code: /ERR_OSSL/ }, { says: /DECODER|PEM/ }],
    operator: 'the private key in the credential file is damaged; make a new key for the service account',
    public: `The collector's credentials are damaged; ${TOLD}.`,
  },
  unavailable: {
    passes: true,
    signs: [{ step: SERVERS, status: SERVER_ERRORS }],
    operator: '{who} is in trouble; run again later, and see status.cloud.google.com if it lasts',
    public: 'The source is in trouble; the next run tries again.',
  },
  'not-the-source': {
    passes: true,
    signs: [{ reason: [GARBLED] }],
    operator:
      'something else answered in place of {who}; check any proxy (HTTPS_PROXY), or BIGQUERY_EMULATOR_HOST',
    public: `Something else answered in place of the source; ${TOLD}.`,
  },
  'job-failed': {
    passes: true,
    refused: true,
    signs: [
      {
        step: BIGQUERY,
        reason: ['backendError', 'internalError', 'jobBackendError', 'jobInternalError', 'tableUnavailable'],
      },
    ],
    operator: 'the job failed each time; run again later, and see status.cloud.google.com if it lasts',
    public: 'The source failed to answer; the next run tries again.',
  },
  'source-failed': {
    refused: true,
    public: `The source answered with a fault; ${TOLD}.`,
  },

  // Answers that cannot be counted.
  timeout: { public: 'The source took too long to answer; the next run asks again.' },
  'unexpected-answer': {
    refused: true,
    public: `The source answered something else than was asked; ${TOLD}.`,
  },
  'too-large': { public: 'This package has more downloads a day than the source counts at once.' },
  'ci-unknown': {
    public: 'The source does not know which of these downloads were by CI, so nothing was counted.',
  },
  truncated: { public: `The source's answer was cut off, so nothing was counted; ${TOLD}.` },
  'upstream-late': {
    affectsAll: true,
    public: "PyPI's log is behind in the source; the badges wait for it.",
  },
  budget: { public: "This month's budget is used up; figures go on in the next month." },

  // Local files.
  'duckdb-missing': { affectsAll: true, public: `The collector is not completely installed; ${TOLD}.` },
  'files-missing': { affectsAll: true, public: `The files to count are not there; ${TOLD}.` },
  'files-unreadable': { affectsAll: true, public: `The files to count cannot be read; ${TOLD}.` },
  'disk-full': {
    signs: [{ step: ['disk'], code: ['ENOSPC', 'EDQUOT'] }],
    operator: 'the disk is full or the quota is used up; free some space or raise the quota',
    public: `The collector's disk is full; ${TOLD}.`,
  },
  'disk-readonly': {
    signs: [{ step: ['disk'], code: ['EROFS'] }],
    operator:
      'the file system is read-only; mount it writable, or allow the path in the service unit (ReadWritePaths=)',
    public: `The collector could not write its files; ${TOLD}.`,
  },
  'disk-permission': {
    signs: [{ step: ['disk'], code: ['EACCES', 'EPERM'] }],
    operator: 'permission denied; give the user that runs the collector write permission',
    public: `The collector could not write its files; ${TOLD}.`,
  },
  'disk-obstacle': {
    signs: [{ step: ['disk'], code: ['EISDIR', 'ENOTEMPTY', 'ENOTDIR', 'EEXIST', 'ELOOP'] }],
    public: `The collector could not write its files; ${TOLD}.`,
  },
  'disk-failed': {
    signs: [{ step: ['disk'], code: ['EIO', 'ENOENT'] }],
    public: `The collector's disk failed; ${TOLD}.`,
  },
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

/** Every kind of fault, the narrow ones first. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorKind>> = TABLE;

export const ERROR_CODES = Object.keys(TABLE) as ErrorCode[];

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(TABLE, value);
}

function fits(fault: Fault, { step, party, status, reason, code, says }: Sign): boolean {
  const named = fault.code ?? '';
  const reasons = [fault.reason ?? '', ...(fault.details ?? [])];
  return (
    (step === undefined || step.includes(fault.step)) &&
    (party === undefined || (fault.party !== undefined && party.includes(fault.party))) &&
    (status === undefined || status.includes(fault.status ?? 0)) &&
    (reason === undefined || reasons.some((each) => reason.includes(each))) &&
    (code === undefined || (code instanceof RegExp ? code.test(named) : code.includes(named))) &&
    (says === undefined || says.test(fault.message))
  );
}

/** The kind of a fault by what is known of it; undefined if no kind of the table fits. */
export function codeOf(fault: Fault): ErrorCode | undefined {
  return ERROR_CODES.find((code) => ERRORS[code].signs?.some((sign) => fits(fault, sign)));
}

/**
 * What happened and what to do, for the operator; undefined where the place that raises it says more.
 *
 * @param who Who was asked, for sentences that name it.
 * @param identity What one signs in with.
 */
export function remedyOf(code: ErrorCode, who: string, identity?: Identity): string | undefined {
  const { operator } = ERRORS[code];
  const text = typeof operator === 'object' ? ((identity && operator[identity]) ?? operator.other) : operator;
  return text?.replaceAll('{who}', who);
}
