/*
 * What is known of a fault, and what is said of each kind of it.
 */

/** Who was being talked to when it happened. */
export type Step = 'sign-in' | 'proxy' | 'bigquery' | 'clickhouse' | 'pypistats' | 'disk';

/** Who is asked for a token while signing in to Google. */
export type Party =
  /** OAuth's token endpoint, which takes keys and logins. */
  | 'token'
  /** The security token service, which takes tokens of others. */
  | 'sts'
  /** IAM Credentials, which hands out tokens of other accounts. */
  | 'iam'
  /** The metadata server of a machine on Google Cloud. */
  | 'metadata'
  /** Where the token of a federation comes from: a file, an address, a command. */
  | 'subject';

/** The kind of credentials for Google. */
export type Identity = 'key' | 'login' | 'impersonation' | 'federation' | 'metadata';

/** A fault as far as anybody can tell it apart from others. */
export interface Fault {
  readonly step: Step;
  /** While signing in: who was asked. */
  readonly party?: Party;
  /** Where it is told apart by its address: host and port. */
  readonly server?: string;
  /** HTTP status of the answer, if there was one. */
  readonly status?: number;
  /** The server's own name for it (https://cloud.google.com/bigquery/docs/error-messages), or OAuth's. */
  readonly reason?: string;
  /** Further names, such as those of Google's ErrorInfo (https://google.aip.dev/193). */
  readonly details?: readonly string[];
  /** The operating system's or Node's name for it, such as ECONNRESET. */
  readonly code?: string;
  /** What was said. It may hold anything, so it is not fit for printing as it is. */
  readonly message: string;
}

/** One way in which a fault of a kind shows; all that is given must fit. */
export interface Sign {
  readonly step?: readonly Step[];
  readonly party?: readonly Party[];
  readonly status?: readonly number[];
  readonly reason?: readonly string[];
  readonly code?: readonly string[] | RegExp;
  /** Part of the message, for servers that have no better name for it. */
  readonly says?: RegExp;
}

export interface ErrorKind {
  /** Whether the same request may well work a little later. */
  readonly passes?: true;
  /** Whether every other package would meet the same, so that asking for the rest makes no sense. */
  readonly affectsAll?: true;
  /** Whether the question itself was understood and refused: another question might be answered. */
  readonly refused?: true;
  /** What raises it; tried in the order of the table, so the narrow ones stand first. */
  readonly signs?: readonly Sign[];
  /**
   * What happened and what to do, for the operator; absent where the place that raises it says more. `{who}`
   * stands for who was asked. Where the remedy depends on what one signs in with, it is told apart.
   */
  readonly operator?: string | (Readonly<Partial<Record<Identity, string>>> & { readonly other: string });
  /** What strangers are told: nothing of accounts, projects, paths, hosts, jobs or money. */
  readonly public: string;
}

/** Names that only this program gives: to an answer that makes no sense, and to one that never came. */
export const GARBLED = 'garbled';
export const SILENT = 'silent';

/** Names of the network's faults: nobody is there, or somebody was. */
export const ABSENT: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
];
export const BROKEN: readonly string[] = [
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
];

/** States of servers that may pass. 501 does not: it is an emulator that cannot do what was asked. */
export const SERVER_ERRORS: readonly number[] = [500, 502, 503, 504, 507, 520, 522, 524, 408];

/** Ends most of the public sentences. */
export const TOLD = 'the operator has been told';
