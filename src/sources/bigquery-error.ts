import { BROKEN, type Fault, faultOf, GARBLED, UNREACHABLE } from './bigquery-fault.ts';
import { firstLine } from './foreign-message.ts';
import { type QueryCost, SourceError } from './source.ts';

interface Remedy {
  readonly matches: (fault: Fault) => boolean;
  readonly text: string;
  /** Whether every other package would meet the same. */
  readonly affectsAll: boolean;
  /** Whether it was this query that was refused, and another one might not be. */
  readonly refused?: true;
}

/** A query that BigQuery understood well enough to say no to, or answered with something else. */
export class QueryRefused extends SourceError {
  override name = 'QueryRefused';
}

const reason =
  (...reasons: readonly string[]) =>
  (fault: Fault) =>
    reasons.includes(fault.reason ?? '');

const code =
  (...codes: readonly string[]) =>
  (fault: Fault) =>
    codes.includes(fault.code ?? '');

/** In the order in which they are tried: the narrow ones first. */
const REMEDIES: readonly Remedy[] = [
  {
    matches: ({ reason, status, message }) =>
      status === 401 ||
      ['invalid_grant', 'invalid_client', 'unauthorized_client', 'invalid_rapt'].includes(reason ?? '') ||
      /invalid_(grant|client|rapt)/.test(message),
    text: 'Google refused the credentials; make a new key for the service account or log in again (gcloud auth application-default login), and check that the clock is right',
    affectsAll: true,
  },
  {
    matches: ({ reason, message }) =>
      reason === 'accessNotConfigured' || /has not been used in project|SERVICE_DISABLED/.test(message),
    text: 'the BigQuery API is not enabled in the project; run: gcloud services enable bigquery.googleapis.com',
    affectsAll: true,
  },
  {
    matches: ({ reason, message }) => reason === 'quotaExceeded' && /free query bytes/i.test(message),
    text: 'the free tier of this month (1 TiB) is used up; wait for the next month, or turn on billing for the project',
    affectsAll: true,
  },
  {
    matches: reason('quotaExceeded'),
    text: 'a quota of the project is used up; see IAM & Admin > Quotas in the Google Cloud console, and raise it or wait until it is renewed',
    affectsAll: true,
  },
  {
    matches: reason('billingNotEnabled', 'billingTierLimitExceeded'),
    text: 'the project may not run this query without billing; turn on billing for the project',
    affectsAll: true,
  },
  {
    matches: ({ reason, status }) =>
      reason === 'rateLimitExceeded' || reason === 'jobRateLimitExceeded' || status === 429,
    text: 'BigQuery had too many requests from this project; lower service.concurrency, or run at another hour',
    affectsAll: false,
  },
  {
    matches: ({ reason, status }) => reason === 'accessDenied' || status === 403,
    text: 'permission denied; grant the service account the roles BigQuery Job User (roles/bigquery.jobUser) and BigQuery Data Viewer (roles/bigquery.dataViewer)',
    affectsAll: true,
    refused: true,
  },
  {
    matches: ({ reason, status }) => reason === 'notFound' || status === 404,
    text: 'not found; check bigquery.table, bigquery.location and bigquery.project_id in tracked.yaml',
    affectsAll: true,
    refused: true,
  },
  {
    matches: reason('invalidQuery'),
    text: 'BigQuery does not understand the query; check that bigquery.table has the schema of the public table',
    affectsAll: true,
    refused: true,
  },
  {
    matches: reason('stopped'),
    text: 'somebody else cancelled the job; run again, or look the job up in the BigQuery console',
    affectsAll: false,
  },
  {
    matches: reason('timeout'),
    text: 'BigQuery ended the job at its time limit; raise bigquery.query_timeout_seconds',
    affectsAll: false,
  },
  {
    matches: code(...UNREACHABLE),
    text: 'BigQuery cannot be reached; check the network, DNS and any proxy (HTTPS_PROXY)',
    affectsAll: true,
  },
  {
    matches: code(...BROKEN),
    text: 'the connection to BigQuery broke again and again; check the network and any proxy (HTTPS_PROXY)',
    affectsAll: false,
  },
  {
    matches: ({ code = '' }) => /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ERR_SSL|EPROTO/.test(code),
    text: "the server's TLS certificate is not trusted; check the clock, and set NODE_EXTRA_CA_CERTS if a proxy has one of its own",
    affectsAll: true,
  },
  {
    matches: ({ code = '', message }) => /ERR_OSSL|DECODER|PEM/.test(`${code} ${message}`),
    text: 'the private key in the credential file is damaged; make a new key for the service account',
    affectsAll: true,
  },
  {
    matches: ({ reason, status = 0 }) => reason === GARBLED && status < 500,
    text: 'something that is not BigQuery answered; check any proxy (HTTPS_PROXY), or BIGQUERY_EMULATOR_HOST',
    affectsAll: false,
  },
  {
    // 501 is an emulator that cannot do what was asked.
    matches: ({ status = 0 }) => status >= 500 && status !== 501,
    text: 'BigQuery is in trouble; run again later, and see status.cloud.google.com if it lasts',
    affectsAll: false,
  },
  {
    matches: reason(
      'backendError',
      'internalError',
      'jobBackendError',
      'jobInternalError',
      'tableUnavailable',
    ),
    text: 'the job failed inside BigQuery each time; run again later, and see status.cloud.google.com if it lasts',
    affectsAll: false,
    refused: true,
  },
];

/** What is known beside the fault itself. */
export interface FaultContext {
  readonly jobId?: string;
  /** How often it was tried, if more than once. */
  readonly tries?: number;
  /** What was billed nonetheless. */
  readonly cost?: QueryCost;
}

/**
 * A fault as a sentence that says what to do. This is the only place that words what BigQuery says, and
 * nothing of the foreign error but a scrubbed line of its message gets through: such errors carry the
 * request with its token.
 */
export function bigQueryError(error: unknown, context: FaultContext = {}): SourceError {
  const { jobId, tries = 1, cost } = context;
  const job = jobId === undefined ? '' : ` [job ${jobId}]`;
  const billed = cost === undefined ? {} : { cost };
  if (error instanceof SourceError) {
    const { message, affectsAll } = error;
    const Kind = error instanceof QueryRefused ? QueryRefused : SourceError;
    return new Kind(`${message}${job}`, { affectsAll, ...billed });
  }
  const fault = faultOf(error);
  const remedy = REMEDIES.find(({ matches }) => matches(fault));
  const tried = tries > 1 ? `, ${tries} times` : '';
  const said = `${firstLine(fault.message)}${tried}`;
  const text = remedy === undefined ? `BigQuery failed: ${said}` : `${remedy.text} (BigQuery said: ${said})`;
  const refused = remedy?.refused ?? (remedy === undefined && fault.reason !== undefined);
  const Kind = refused ? QueryRefused : SourceError;
  return new Kind(`${text}${job}`, { affectsAll: remedy?.affectsAll ?? false, ...billed });
}
