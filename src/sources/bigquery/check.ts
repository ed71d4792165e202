import { errorCode } from '../../errors/error.ts';
import { formatBytes } from '../../format.ts';
import { broken, checkClock, note, ok } from '../check.ts';
import type { Question } from '../query.ts';
import { type Finding, SourceError, type World } from '../source.ts';
import type { BigQueryConfig } from './index.ts';
import { type BigQuerySource, openBigQuery } from './source.ts';

/** Longest wait, in seconds; shorter than in a run, as `doctor` is run by hand. */
const WAIT_SECONDS = 20;

/** Where the identity comes from, without anything secret. */
function describeCredentials({ credentialFile }: BigQueryConfig, env: World['env']): string {
  const emulator = env['BIGQUERY_EMULATOR_HOST'];
  if (emulator) return `none needed: BIGQUERY_EMULATOR_HOST leads to ${emulator}`;
  return credentialFile ?? 'Application Default Credentials';
}

async function checkTable(source: BigQuerySource, table: string, question: Question): Promise<Finding[]> {
  try {
    const bytes = await source.estimate(question);
    const size = formatBytes(bytes);
    const permission = `${table} may be queried (free dry run for ${question.packages[0]}: ${size} at most)`;
    const refused = await source.daysRefused(question.span);
    const without =
      'the two newest days are read again with each run, and every seventh day the whole window';
    return [
      ok('permission', permission),
      refused === undefined
        ? ok('days', 'the table tells which days have changed')
        : note('days', `${refused}; ${without}`),
    ];
  } catch (error) {
    // The check of the clock says that, and how far it is off.
    if (errorCode(error) === 'clock') return [];
    const step = error instanceof SourceError ? error.step : undefined;
    return [broken(step === 'sign-in' || step === 'proxy' ? step : 'permission', error)];
  }
}

/** Signs in and asks for a dry run, which is free: credentials, permission, days and clock. */
export async function checkBigQuery(
  config: BigQueryConfig,
  { env, now }: World,
  question: Question,
): Promise<Finding[]> {
  const queryTimeoutSeconds = Math.min(config.queryTimeoutSeconds, WAIT_SECONDS);
  let source: BigQuerySource;
  try {
    source = await openBigQuery({ ...config, queryTimeoutSeconds }, env, now);
  } catch (error) {
    return [broken(errorCode(error) === 'proxy-invalid' ? 'proxy' : 'credentials', error)];
  }
  try {
    const who = `${describeCredentials(config, env)} (${source.payer ?? `project ${source.project}`})`;
    const table = await checkTable(source, config.table, question);
    const refused = ', and Google refuses such credentials';
    return [ok('credentials', who), ...table, ...checkClock(source.clockSkewMs?.(), "Google's", refused)];
  } finally {
    await source.close();
  }
}
