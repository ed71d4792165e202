#!/usr/bin/env node
// Tells the operator that a unit failed: by webhook, by mail, or both. Run by
// pypi-badges-failure@.service with the unit's name; configured by /etc/pypi-badges/failure.env.
// Plain Node without dependencies, so that a broken installation can still report itself.
import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const { WEBHOOK_URL, WEBHOOK_TYPE = 'json', MAIL_TO, MAIL_FROM } = process.env;
const unit = process.argv[2] ?? process.env.MONITOR_UNIT ?? 'pypi-badges-collect';
// systemd hands these to OnFailure= units (251 and later); a hook that is started by hand has none.
const result = process.env.MONITOR_SERVICE_RESULT ?? 'unknown (started by hand)';
const status = process.env.MONITOR_EXIT_STATUS ?? 'unknown';
const invocation = process.env.MONITOR_INVOCATION_ID;

/** The last lines that the failed run wrote (of that run alone, where systemd names it). */
function lastLines(count) {
  const which = invocation
    ? [`_SYSTEMD_INVOCATION_ID=${invocation}`, '+', `INVOCATION_ID=${invocation}`]
    : ['--unit', unit];
  const journal = spawnSync('journalctl', ['--no-pager', '--output=cat', `--lines=${count}`, ...which], {
    encoding: 'utf8',
  });
  return journal.status === 0 ? journal.stdout.trim() : `(the journal cannot be read: ${journal.stderr})`;
}

async function sendWebhook(url, subject, body) {
  const text = `${subject}\n\n${body}`;
  const request =
    WEBHOOK_TYPE === 'text'
      ? { headers: { 'content-type': 'text/plain; charset=utf-8', title: subject }, body: text }
      : {
          headers: { 'content-type': 'application/json' },
          // Slack, Mattermost and Google Chat read `text`, Discord reads `content` (at most 2,000 characters).
          body: JSON.stringify({
            text,
            content: text.slice(0, 2000),
            unit,
            host: hostname(),
            result,
            status,
          }),
        };
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(15_000), ...request });
      if (answer.ok) return;
      throw new Error(`it answered ${answer.status}`);
    } catch (error) {
      // The URL is a secret (who has it can post), so it is never printed.
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

const subject = `${unit} failed on ${hostname()}`;
const body = [
  `Result: ${result}, exit status: ${status}.`,
  'Badges on disk keep their last good values. What happened, newest last:',
  '',
  lastLines(20),
  '',
  `Look further with: journalctl -u ${unit} -n 100`,
].join('\n');

const channels = [];
if (WEBHOOK_URL) channels.push(['webhook', () => sendWebhook(WEBHOOK_URL, subject, body)]);
if (MAIL_TO) channels.push(['mail', () => sendMail(MAIL_TO, subject, body)]);
if (channels.length === 0) {
  console.log(
    `${subject}; nobody is told, because /etc/pypi-badges/failure.env sets neither WEBHOOK_URL nor MAIL_TO`,
  );
}
for (const [name, send] of channels) {
  try {
    await send();
    console.log(`${subject}; told by ${name}`);
  } catch (error) {
    console.error(`${subject}; not told by ${name}: ${error.message}`);
    process.exitCode = 1;
  }
}
