import { describe, expect, it } from 'vitest';
import {
  composeMessage,
  isOfRun,
  shorten,
  webhookAddress,
  webhookRequest,
  withoutAddress,
} from '../../deploy/systemd/failure-message.mjs';

const facts = { unit: 'pypi-badges-collect', host: 'badger', result: 'exit-code', exitStatus: '1', log: [] };

const SUBJECT = 'pypi-badges-collect failed on badger';
const NEXT = 'Look further with: journalctl -u pypi-badges-collect -n 100 -o cat';

describe('composeMessage', () => {
  const line = (level: string, msg: string, more = {}) => JSON.stringify({ level, time: 't', ...more, msg });
  const failed = (error: string, code: string) => ({ state: 'failed', error, error_code: code });
  const named = (names: readonly string[], entry: object) =>
    Object.fromEntries(names.map((name) => [name, entry]));
  /** What `status` says of the run. */
  const of = (packages: object, warnings?: object[]) => ({ status: { packages, warnings } });
  const forty = Array.from({ length: 40 }, (_, at) => `p-${at}`);
  const log = [
    line('info', 'collected', { package: 'alpha' }),
    line('error', 'tracked.yaml: 1 problem', { error_code: 'config' }),
    line('info', 'collected', { package: 'beta' }),
    'node: not found',
  ];

  it.each<[string, object, string[]]>([
    [
      'names the one of forty packages that failed, first and with what to do',
      of({ ...named(forty, { state: 'ok' }), 'p-1': failed('the job failed', 'job-failed') }),
      [
        '1 of 40 packages failed.',
        '',
        'p-1: the job failed [job-failed]',
        '',
        '39 packages went well. Badges of the others keep their last good values.',
      ],
    ],
    [
      'tells one cause of many failures once, then warnings',
      of(
        {
          ...named([...'abcdefg'], failed('permission denied; grant the role', 'permission')),
          odd: { state: 'ok', warnings: [{ code: 'no-rows', message: 'is the name right?' }] },
        },
        [{ code: 'left-over', message: 'there are badges of gone' }],
      ),
      [
        '7 of 8 packages failed.',
        '',
        'a, b, c, d, e and 2 more: permission denied; grant the role [permission]',
        '',
        'Warnings:',
        'odd: is the name right?',
        'there are badges of gone',
        '',
        '1 package went well. Badges of the others keep their last good values.',
      ],
    ],
    [
      'falls back on the log, in words, errors first, where a run came to nothing',
      { exitStatus: '2', log },
      [
        'Result: exit-code, exit status: 2. Badges on disk keep their last good values.',
        '',
        'What it said, errors first, then the newest:',
        'error: tracked.yaml: 1 problem [config]',
        'node: not found',
        'info: beta: collected',
        'info: alpha: collected',
      ],
    ],
    [
      'says how a run ended that was not let finish, with what failed until then',
      { ...of({ a: failed('late', 'timeout'), b: {} }), result: 'timeout', exitStatus: 'TERM' },
      ['Result: timeout, exit status: TERM.', '1 of 2 packages failed.', '', 'a: late [timeout]'],
    ],
  ])('%s', (_what, more, expected) => {
    const { subject, lines } = composeMessage({ ...facts, ...more });
    expect([subject, ...lines.slice(0, expected.length)]).toEqual([SUBJECT, ...expected]);
    expect(lines.slice(-2)).toEqual(['', NEXT]);
  });

  it('takes the cause from the log where the run wrote a health file without a failure', () => {
    const { lines } = composeMessage({ ...facts, ...of({ a: { state: 'ok' } }), log });
    expect(lines).toContain('error: tracked.yaml: 1 problem [config]');
  });

  it('finds an early error among forty lines of success, also where Discord cuts', () => {
    const long = forty.map((name) => line('info', 'collected', { package: name }));
    long.splice(1, 0, line('error', `p-x: ${'permission denied '.repeat(20)}`));
    const { subject, lines } = composeMessage({ ...facts, log: long });
    expect(lines[3]).toMatch(/^error: p-x: permission denied/);
    expect(lines.filter((each) => each.startsWith('info'))).toHaveLength(19);
    expect(shorten([subject, '', ...lines], 500)).toContain('p-x: permission denied');
  });

  it('keeps the lines of a stack in their order', () => {
    const stack = ['Error: first', '    at one', '    at two'];
    const { lines } = composeMessage({ ...facts, log: [...stack, 'Failed with result'] });
    expect(lines.slice(3, 7)).toEqual(['Failed with result', ...stack]);
  });
});

describe('isOfRun', () => {
  const at = (time: string) => `{"level":"info","time":"2026-04-25T${time}Z","msg":"x"}`;
  const now = new Date('2026-04-25T06:00:00Z');
  it.each([
    ['ended after the log began', '04:30:00', [at('04:10:00'), at('04:29:00')], true],
    ['ended before the log began', '04:05:00', ['node: warning', at('04:10:00')], false],
    ['ended just now, where the log has no times', '05:55:00', ['(the journal cannot be read)'], true],
    ['ended long ago, where the log has no times', '04:30:00', ['(the journal cannot be read)'], false],
  ])('of a run that %s', (_what, finished, log, expected) => {
    expect(isOfRun({ finished: `2026-04-25T${finished}Z` }, log, now)).toBe(expected);
    // A file that never tells is of no run.
    expect(isOfRun({}, log, now)).toBe(false);
  });
});

describe('shorten', () => {
  it('keeps what fits as it is, and of more leaves out the end and says how many lines', () => {
    expect(shorten(['a', 'b'], 3)).toBe('a\nb');
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index} ${'x'.repeat(40)}`);
    const text = shorten(lines, 2000);
    expect(text.length).toBeLessThanOrEqual(2000);
    const shown = text.split('\n').length - 1;
    expect(text).toContain(`\n(${100 - shown} lines left out)`);
    expect(text.startsWith('line 0')).toBe(true);
  });

  it.each([
    ['first', ['y'.repeat(5000)]],
    ['after the headline', ['head', '', '1 of 40 packages failed.', '', `p-1: ${'y'.repeat(5000)}`]],
    ['before others', ['head', '', `p-1: ${'y'.repeat(5000)}`, '', '39 packages went well.']],
    ['of surrogate pairs', ['odd', '🐍'.repeat(5000)]],
    ['of surrogate pairs', ['even', '🐍'.repeat(5000)]],
  ])('cuts a line that is too long by itself: %s', (_where, lines) => {
    const text = shorten(lines, 2000);
    expect(text.length).toBeLessThanOrEqual(2000);
    expect(text.length).toBeGreaterThan(1900);
    // No half of a character: UTF-8 could not hold it.
    expect(Buffer.from(text).toString()).toBe(text);
    expect(text).toMatch(/(y|🐍)…(\n|$)/u);
    expect(text.endsWith('(1 line left out)')).toBe(lines.length > 2 && lines[4]?.startsWith('39') === true);
  });
});

describe('webhookAddress', () => {
  const basic = (pair: string) => ({ authorization: `Basic ${pair}` });
  it.each([
    ['https://hooks.example.com/x?y=1', 'https://hooks.example.com/x?y=1', {}],
    // In base64, by `printf 'user:p@ss' | base64`; `printf 'user:50%off' | base64`; `printf 'user:' | base64`.
    ['https://user:p%40ss@hooks.example.com/x', 'https://hooks.example.com/x', basic('dXNlcjpwQHNz')],
    ['https://user:50%off@hooks.example.com/x', 'https://hooks.example.com/x', basic('dXNlcjo1MCVvZmY=')],
    ['https://user@hooks.example.com/x', 'https://hooks.example.com/x', basic('dXNlcjo=')],
  ])('takes %s apart', (text, url, headers) => {
    expect(webhookAddress(text)).toEqual({ url, headers });
  });

  it.each(['hooks.example.com/s3cret', 'https://', 'mailto:s3cret@example.com', 'https://u:s3cret@h:port/'])(
    'refuses %s without repeating it',
    (text) => {
      expect(() => webhookAddress(text)).toThrow(
        new TypeError('WEBHOOK_URL is no address; it must begin with https://'),
      );
    },
  );
});

describe('withoutAddress', () => {
  const address = 'https://user:p%40ss@hooks.example.com/services/t0ken?key=abc%3D';
  it.each([
    [`cannot parse ${address}`, 'cannot parse [removed]'],
    ['no route to hooks.example.com', 'no route to hooks.example.com'],
    [`POST /services/t0ken?key=abc%3D of user:p@ss`, 'POST [removed][removed] of [removed]:[removed]'],
    ['it answered 500', 'it answered 500'],
  ])('makes of %j %j', (text, expected) => {
    expect(withoutAddress(text, address)).toBe(expected);
  });

  it('takes what is no address, or none', () => {
    expect(withoutAddress('no address: s3cret/hook', 's3cret/hook')).toBe('no address: [removed]');
    expect(withoutAddress('sendmail failed', '')).toBe('sendmail failed');
  });
});

describe('webhookRequest', () => {
  const message = { subject: 'it failed', lines: ['a & b: ask <you>', 'x'.repeat(9000)] };
  const told = { unit: 'u', host: 'h' };
  const ask = (url: string, type = 'json') => webhookRequest(url, type, message, told);

  const PLAIN = 'a & b: ask < you>';
  const ALL = 'content host text unit';
  const SERVICES: [url: string, keys: string, line: string][] = [
    ['https://hooks.slack.com/services/T/B/x', 'text', 'a &amp; b: ask &lt; you&gt;'],
    ['https://chat.googleapis.com/v1/spaces/A/messages?key=k', 'text', PLAIN],
    ['https://discord.com/api/webhooks/1/x', 'allowed_mentions content', PLAIN],
    ['https://mattermost.example.com/hooks/x', ALL, PLAIN],
    ['https://example.webhook.office.com/webhookb2/x', ALL, PLAIN],
    ['https://unknown.example.com/x', ALL, PLAIN],
  ];

  it.each(SERVICES)('gives %s the keys that it takes', (url, keys, line) => {
    const { headers, body } = ask(url);
    expect(headers).toEqual({ 'content-type': 'application/json' });
    const json = JSON.parse(body);
    expect(Object.keys(json).toSorted().join(' ')).toBe(keys);
    expect((json.text ?? json.content).startsWith(`it failed\n\n${line}\nxx`)).toBe(true);
    expect((json.content ?? '').length).toBeLessThanOrEqual(2000);
    expect((json.text ?? '').length).toBeLessThanOrEqual(4020);
  });

  /** How services write that somebody is called (their documentation, "mention"). */
  const CALLS = `@channel @here @all @everyone @room @**all** @_**all** @user:example.com \uff20all <!channel>
    <!here|here> <!subteam^S1> <@U024BE7LH> <@&165511591545143296> <@all> <users/all> <users/123>
    <at>all</at> [all](twist-mention://1)`.split(/\s+/);
  CALLS.push('<at user_id="all">');

  it.each([...SERVICES.map(([url]) => [url, 'json']), ['https://ntfy.example.com/topic', 'text']])(
    'calls nobody at %s',
    (url = '', type = '') => {
      const said = { subject: CALLS.join(' '), lines: [`x${CALLS.join('')}`, ...CALLS] };
      const { body } = webhookRequest(url, type, said, told);
      const texts = type === 'text' ? [body] : [JSON.parse(body).text ?? '', JSON.parse(body).content ?? ''];
      expect(texts.join('').length).toBeGreaterThan(100);
      for (const text of texts) {
        // What a service shows of Slack's escapes is not read as a call again, but by others it may be.
        const shown = text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
        expect(CALLS.filter((call) => text.includes(call) || shown.includes(call))).toEqual([]);
        expect(shown).not.toMatch(/[@<]\S/);
      }
    },
  );

  it('sends plain text where that is asked for, with user and password in a header', () => {
    const { url, headers, body } = ask('https://user:p%40ss@ntfy.example.com/topic', 'text');
    expect(url).toBe('https://ntfy.example.com/topic');
    expect(headers).toEqual({
      authorization: 'Basic dXNlcjpwQHNz',
      'content-type': 'text/plain; charset=utf-8',
      title: 'it failed',
    });
    expect(body).toMatch(/^it failed\n\na & b: ask < you>\nx+…$/);
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(4096);
  });
});
