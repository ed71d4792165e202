#!/bin/sh
# Tells the operator that a unit failed: notify-failure.sh UNIT webhook|mail. Run by pypi-badges-failure@.service and
# pypi-badges-mail@.service. Where Node works, notify-failure.mjs beside this file does it, and does it better. Where Node is
# what is gone, this says so in plain text.
here=$(dirname "$(readlink -f "$0")")
unit=$1
channel=$2

if [ "$channel" = mail ] && [ -z "${MAIL_TO:-}" ]; then
  exit 0
fi
if node --version >/dev/null 2>&1; then
  exec node "$here/notify-failure.mjs" "$unit" "$channel"
fi

subject="$unit failed on $(uname -n)"
text="$subject

Node.js is gone or does not start, so the collector cannot run; install it again (docs/deploy.md).
Result: ${MONITOR_SERVICE_RESULT:-unknown}, exit status: ${MONITOR_EXIT_STATUS:-unknown}.
Badges on disk keep their last good values. Look further with: journalctl -u $unit -n 100"
failed=0

# The address goes in by standard input: an argument could be read by every user of this host, and it is a secret.
post() {
  if [ "${WEBHOOK_TYPE:-json}" = text ]; then
    type='text/plain; charset=utf-8'
    body=$text
  else
    type=application/json
    line=$(printf '%s' "$text" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' | awk '{printf "%s\\n", $0}')
    body="{\"text\":\"$line\",\"content\":\"$line\"}"
  fi
  printf 'url = "%s"\n' "$WEBHOOK_URL" |
    curl --silent --fail --max-time 15 --output /dev/null --retry 2 --config - \
      --header "content-type: $type" --data-binary "$body"
}

if [ "$channel" = webhook ] && [ -n "${WEBHOOK_URL:-}" ]; then
  if ! command -v curl >/dev/null; then
    echo "$subject; not told by webhook: there is neither node nor curl" >&2
    failed=1
  elif post; then
    echo "$subject; told by webhook"
  else
    echo "$subject; the webhook did not take the message" >&2
    failed=1
  fi
fi
if [ "$channel" = mail ]; then
  if {
    [ -z "${MAIL_FROM:-}" ] || printf 'From: %s\n' "$MAIL_FROM"
    printf 'To: %s\nSubject: %s\nContent-Type: text/plain; charset=utf-8\n\n%s\n' "$MAIL_TO" "$subject" "$text"
  } | /usr/sbin/sendmail -t -oi; then
    echo "$subject; told by mail"
  else
    echo "$subject; not told by mail" >&2
    failed=1
  fi
fi
if [ -z "${WEBHOOK_URL:-}${MAIL_TO:-}" ]; then
  echo "$subject; nobody is told, because /etc/pypi-badges/failure.env sets neither WEBHOOK_URL nor MAIL_TO"
fi
exit $failed
