import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/*
 * Which addresses the web servers' configurations let through to the output folder, by their own patterns; the booted
 * servers are asked in `npm run test:deploy`.
 */

const read = (name: string) => readFileSync(join(import.meta.dirname, '../../deploy', name), 'utf8');
const patterns = {
  'caddy/Caddyfile': [...read('caddy/Caddyfile').matchAll(/^\t@(?:data|page) path_regexp (\S+)$/gm)],
  'nginx/pypi-badges.conf': [...read('nginx/pypi-badges.conf').matchAll(/^\tlocation ~ "(\S+)" \{$/gm)],
};

const words = (text: string) => text.trim().split(/\s+/);
// The last ones are folders as pypi-winnow-downloads named them.
const SERVED = words(`
  / /index.html /mcp-clipboard /mcp-clipboard/ /mcp-clipboard/index.html /mcp-clipboard/history.json
  /mcp-clipboard/downloads-30d-non-ci.json /mcp-clipboard/downloads-30d-non-ci.svg /mcp-clipboard/python-3-10-non-ci.json /_compare/compare-indexed-non-ci-dark.svg /2to3/os-linux-30d-non-ci.json
  /a/os-linux-30d-non-ci.json /Small_00/downloads-30d-non-ci.json /mid.00/downloads-30d-non-ci.json
  /Flask_SQLAlchemy/installer-pip-30d-non-ci.svg /zope.interface/os-macos-7d-non-ci.json`);
const UNSERVED = words(`
  /_health.json /tracked.yaml /stray.json /mid.00 /notes.txt /.state/spend.json /.well-known/downloads.json
  /../downloads.json /../state/spend.json /a../downloads.json /_a/downloads.json /_compare/.hidden.svg /_compare /a_/downloads.json
  /mcp-clipboard/../_health.json /mcp-clipboard/_health.json /mcp-clipboard/.hidden.json /mcp-clipboard/notes.txt
  /mcp-clipboard/old/downloads.json /mcp-clipboard/downloads.json.tmp //downloads.json`);

describe.each(Object.entries(patterns))('deploy/%s', (_name, found) => {
  const served = (path: string) => found.some(([, pattern]) => new RegExp(pattern as string).test(path));

  it('has two patterns: for badges and for pages', () => {
    expect(found).toHaveLength(2);
  });

  it.each(SERVED)('serves %s', (path) => {
    expect(served(path)).toBe(true);
  });

  it.each(UNSERVED)('does not serve %s', (path) => {
    expect(served(path)).toBe(false);
  });
});
