import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { isOverdue, nextRun } from '../../deploy/container/schedule.mjs';
import { listen } from '../support/listen.ts';
import { tempFolder } from '../support/temp-folder.ts';

const SCHEDULE = join(import.meta.dirname, '../../deploy/container/schedule.mjs');

describe('nextRun', () => {
  it.each([
    ['04:17', '2026-04-25T04:16:59Z', '2026-04-25T04:17:00.000Z'],
    ['04:17', '2026-04-25T04:17:00Z', '2026-04-26T04:17:00.000Z'],
    ['04:17,14:17', '2026-04-25T04:17:00Z', '2026-04-25T14:17:00.000Z'],
    [' 14:00 , 02:30', '2026-12-31T23:59:00Z', '2027-01-01T02:30:00.000Z'],
    ['14:00,02:30', '2026-04-25T01:00:00Z', '2026-04-25T02:30:00.000Z'],
  ])('%s after %s is %s', (times, now, next) => {
    expect(nextRun(times, new Date(now)).toISOString()).toBe(next);
  });

  it.each(['', '24:00', '4:17', '04:17;14:17', 'noon'])('refuses %j', (times) => {
    expect(() => nextRun(times, new Date())).toThrow(/^COLLECT_AT: ".*" is no time; write times of UTC as/);
  });
});

describe('isOverdue', () => {
  it.each([
    ['was never', '2026-04-25T01:00:00Z', undefined, true],
    ['was after its time', '2026-04-25T10:00:00Z', '2026-04-25T04:18:30Z', false],
    ['was before a time that has come', '2026-04-25T05:00:00Z', '2026-04-24T14:18:00Z', true],
    ['was yesterday, and today has no time yet', '2026-04-25T04:00:00Z', '2026-04-24T14:18:00Z', false],
    ['was a week ago', '2026-04-25T01:00:00Z', '2026-04-18T04:18:00Z', true],
  ])('where the last run %s', (_when, now, last, expected) => {
    const run = last === undefined ? undefined : new Date(last);
    expect(isOverdue('04:17,14:17', new Date(now), run)).toBe(expected);
  });
});

describe('schedule.mjs', () => {
  /** The schedule beside a collector that only says what it was asked, and how it ended. */
  function stand({ finished, collect = '' }: { finished?: string; collect?: string } = {}) {
    const folder = tempFolder();
    const calls = join(folder, 'calls');
    mkdirSync(join(folder, 'dist'));
    copyFileSync(SCHEDULE, join(folder, 'schedule.mjs'));
    writeFileSync(calls, '');
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const program = `import { appendFileSync } from 'node:fs';
       const argv = process.argv.slice(2);
       const note = (text) => appendFileSync(${JSON.stringify(calls)}, text + '\\n');
       note(argv.join(' '));
       if (argv[0] === 'status') console.log(${JSON.stringify(JSON.stringify({ finished }))});
       else { ${collect} }`;
    writeFileSync(join(folder, 'dist/cli.js'), program);
    const start = (env: Record<string, string> = {}) =>
      execa(process.execPath, [join(folder, 'schedule.mjs')], {
        extendEnv: false,
        env: { PATH: '/usr/bin:/bin', ...env },
        stdin: 'ignore',
        all: true,
        reject: false,
      });
    const asked = () => readFileSync(calls, 'utf8').split('\n').filter(Boolean);
    return { start, asked };
  }
  /** Ends it once it has said something, and gives back all that it said. */
  async function endAfter(child: ReturnType<ReturnType<typeof stand>['start']>, word: string) {
    let said = '';
    await new Promise<void>((done) => {
      child.all?.on('data', (part) => {
        said += part;
        if (said.includes(word)) done();
      });
      child.all?.once('end', done);
    });
    child.kill('SIGTERM');
    const { exitCode, all } = await child;
    return { exitCode, all: String(all) };
  }
  const collecting = 'collect --wait 20';
  const looking = 'status --json --log-level silent';

  it("runs at once where a run was missed, asks the dead-man's switch, waits, and ends when told to", async () => {
    const pings: unknown[] = [];
    const server = createServer(({ url }, response) => {
      pings.push(url);
      response.end();
    });
    const { port, close } = await listen(server);
    const { start, asked } = stand({ finished: '2020-01-01T04:20:00Z' });
    const PING_URL = `http://127.0.0.1:${port}/t0ken`;
    const { exitCode, all } = await endAfter(start({ PING_URL }), 'next run');
    await close();
    expect([exitCode, asked(), pings], all).toEqual([0, [looking, collecting], ['/t0ken']]);
    expect(all).toMatch(/the run ended well[\s\S]*next run: \d{4}-\d\d-\d\dT(04|14):17:00/);
  });

  it('waits where the last run was the last that was due', async () => {
    const { start, asked } = stand({ finished: new Date(Date.now() + 60_000).toISOString() });
    const { exitCode, all } = await endAfter(start(), 'next run');
    expect([exitCode, asked()], all).toEqual([0, [looking]]);
  });

  it('hands SIGTERM on to a run that is under way, and lets it finish what it must', async () => {
    const collect = `process.on('SIGTERM', () => { note('stopped'); process.exit(143); });
      console.error('under way'); setInterval(() => {}, 1000);`;
    const { start, asked } = stand({ collect });
    const { exitCode, all } = await endAfter(start(), 'under way');
    expect([exitCode, asked()], all).toEqual([0, [looking, collecting, 'stopped']]);
    expect(all).toContain('the run was stopped: exit code 143');
    expect(all).not.toContain('"error"');
  });

  const badly = /"error".* ended badly: exit code 1/;
  it.each([
    ['a run ended badly, and does not ask the switch', 'process.exitCode = 1;', badly],
    ['the switch cannot be reached, without its address', '', /PING_URL could not be reached: \w+/],
  ])('says that %s', async (_what, collect, says) => {
    const { start } = stand({ collect });
    const { all } = await endAfter(start({ PING_URL: 'http://127.0.0.1:1/t0ken' }), 'next run');
    expect(all).toMatch(says);
    expect(all).not.toContain('t0ken');
    expect(all.includes('PING_URL')).toBe(collect === '');
  });

  it('refuses hours that are none before it runs anything', async () => {
    const { start, asked } = stand();
    const { exitCode, all } = await start({ COLLECT_AT: 'noon' });
    expect([exitCode, asked()]).toEqual([2, []]);
    expect(all).toContain('COLLECT_AT');
  });
});
