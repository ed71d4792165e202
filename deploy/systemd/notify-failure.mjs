#!/usr/bin/env node
// Tells the operator that a unit failed: notify-failure.mjs UNIT webhook|mail. Run by pypi-badges-failure@.service and
// pypi-badges-mail@.service, configured by /etc/pypi-badges/failure.env. Plain Node without dependencies, so that a
// broken installation can still report itself.
import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { composeMessage, isOfRun, webhookRequest, withoutAddress } from './failure-message.mjs';

const { WEBHOOK_URL = '', WEBHOOK_TYPE = 'json', MAIL_TO, MAIL_FROM } = process.env;
const [, , unit, channel] = process.argv;
// systemd hands these to OnFailure= units (251 and later); a hook that is started by hand has none.
const result = process.env.MONITOR_SERVICE_RESULT ?? 'unknown (started by hand)';
const status = process.env.MONITOR_EXIT_STATUS ?? 'unknown';
const invocation = process.env.MONITOR_INVOCATION_ID;

/** A run of thousands of packages writes a line for each. */
const LINES_READ = 10_000;
/** Without systemd's word which run it was, older lines may be of others. */
const LINES_OF_ANY_RUN = 20;

/** What the failed run wrote, oldest first (of that run alone, where systemd names it). */
function logOfRun() {
  const which = invocation
    ? [`_SYSTEMD_INVOCATION_ID=${invocation}`, '+', `INVOCATION_ID=${invocation}`]
    : ['--unit', unit];
  const journal = spawnSync(
    'journalctl',
    ['--no-pager', '--output=cat', `--lines=${invocation ? LINES_READ : LINES_OF_ANY_RUN}`, ...which],
    {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  return journal.status === 0
    ? journal.stdout.trim().split('\n')
    : [`(the journal cannot be read: ${journal.stderr})`];
}

/** What the run said of its packages; undefined if it did not come to that. */
function statusOfRun(log) {
  const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
  const argv = [cli, 'status', '--json', '--config', '/etc/pypi-badges/tracked.yaml'];
  // Without this unit's environment: the address of the webhook is nobody else's business.
  const { stdout } = spawnSync(process.execPath, argv, { encoding: 'utf8', env: { PATH: process.env.PATH } });
  try {
    const told = JSON.parse(stdout);
    return isOfRun(told, log, new Date()) ? told : undefined;
  } catch {
    return undefined;
  }
}

async function sendWebhook(address, message) {
  const facts = { unit, host: hostname(), result, status };
  const { url, ...request } = webhookRequest(address, WEBHOOK_TYPE, message, facts);
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(15_000), ...request });
      if (answer.ok) return;
      throw new Error(`it answered ${answer.status}`);
    } catch (error) {
      const reason = error.cause?.message ?? error.message;
      if (attempt === 3) throw new Error(`the webhook did not take the message: ${reason}`);
      await sleep(attempt * 10_000);
    }
  }
}

function sendMail(to, subject, body) {
  const from = MAIL_FROM ? `From: ${MAIL_FROM}\n` : '';
  const mail = spawnSync('/usr/sbin/sendmail', ['-t', '-oi'], {
    encoding: 'utf8',
    input: `${from}To: ${to}\nSubject: ${subject}\nContent-Type: text/plain; charset=utf-8\n\n${body}\n`,
  });
  if (mail.error?.code === 'ENOENT')
    throw new Error('mail: there is no /usr/sbin/sendmail; install msmtp-mta or postfix');
  if (mail.error || mail.status !== 0)
    throw new Error(`mail: sendmail failed: ${mail.error?.message ?? mail.stderr}`);
}

const log = logOfRun();
const message = composeMessage({
  unit,
  host: hostname(),
  result,
  exitStatus: status,
  status: invocation === undefined ? undefined : statusOfRun(log),
  log,
});
const { subject, lines } = message;

async function send() {
  if (channel === 'mail') sendMail(MAIL_TO, subject, lines.join('\n'));
  else await sendWebhook(WEBHOOK_URL, message);
}

if (channel === 'mail' ? MAIL_TO : WEBHOOK_URL) {
  try {
    await send();
    console.log(`${subject}; told by ${channel}`);
  } catch (error) {
    console.error(`${subject}; not told by ${channel}: ${withoutAddress(error.message, WEBHOOK_URL)}`);
    process.exitCode = 1;
  }
} else if (!MAIL_TO) {
  console.log(
    `${subject}; nobody is told, because /etc/pypi-badges/failure.env sets neither WEBHOOK_URL nor MAIL_TO`,
  );
}
