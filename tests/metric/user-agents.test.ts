import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { classify, EXCLUSIONS, INSTALLERS } from '../../src/metric/classes.ts';

/*
 * What PyPI makes of user agents, and in which class they land. The installer, CI flag and system of each are
 * those of PyPI's own parser, https://github.com/pypi/linehaul-cloud-function at 273861b (2026-08-21): either its
 * fixtures (tests/unit/ua/fixtures) give them, or it was run on a user agent as the client's own code makes it.
 */

/**
 * Class, installer, CI flag, system and user agent; `-` is NULL. `nothing` for the installer: the parser does not know the
 * client. `ignored`: it drops the request.
 */
const CASES = `
  # pip's session.py and pip.yml; the second is quoted in linehaul-cloud-function#226. pipenv and pipx run pip.
  pip | pip | - | Darwin | pip/18.0 {"cpu":"x86_64","distro":{"name":"macOS","version":"10.13.6"},"implementation":{"name":"PyPy","version":"6.0.0"},"installer":{"name":"pip","version":"18.0"},"openssl_version":"LibreSSL 2.6.2","python":"3.5.3","setuptools_version":"40.0.0","system":{"name":"Darwin","release":"17.7.0"}}
  pip | pip | - | Darwin | pip/25.1.1 {"ci":null,"cpu":"arm64","distro":{"name":"macOS","version":"15.5"},"implementation":{"name":"CPython","version":"3.13.3"},"installer":{"name":"pip","version":"25.1.1"},"openssl_version":"OpenSSL 3.5.0 8 Apr 2025","python":"3.13.3","rustc_version":"1.87.0","system":{"name":"Darwin","release":"24.5.0"}}
  ci | pip | true | Linux | pip/25.1.1 {"ci":true,"cpu":"x86_64","distro":{"id":"noble","libc":{"lib":"glibc","version":"2.39"},"name":"Ubuntu","version":"24.04"},"implementation":{"name":"CPython","version":"3.12.3"},"installer":{"name":"pip","version":"25.1.1"},"openssl_version":"OpenSSL 3.0.13 30 Jan 2024","python":"3.12.3","system":{"name":"Linux","release":"6.8.0-1029-azure"}}
  pip | pip | - | Darwin | pip/1.4.1 CPython/2.7.14 Darwin/17.7.0
  # uv.yml, and uv's linehaul.rs for the one with a subcommand.
  uv | uv | - | Darwin | uv/0.1.22 {"installer":{"name":"uv","version":"0.1.22"},"python":"3.12.2","implementation":{"name":"CPython","version":"3.12.2"},"distro":{"name":"macOS","version":"14.4","id":null,"libc":null},"system":{"name":"Darwin","release":"23.2.0"},"cpu":"arm64","openssl_version":null,"setuptools_version":null,"rustc_version":null,"ci":null}
  uv | uv | - | Windows | uv/0.8.13 {"installer":{"name":"uv","version":"0.8.13","subcommand":["sync"]},"python":"3.12.2","implementation":{"name":"CPython","version":"3.12.2"},"distro":null,"system":{"name":"Windows","release":"11"},"cpu":"AMD64","openssl_version":null,"setuptools_version":null,"rustc_version":null,"ci":null}
  ci | uv | true | Linux | uv/0.1.22 {"installer":{"name":"uv","version":"0.1.22"},"python":"3.12.2","implementation":{"name":"CPython","version":"3.12.2"},"distro":{"name":"Ubuntu","version":"22.04","id":"jammy","libc":{"lib":"glibc","version":"2.35"}},"system":{"name":"Linux","release":"6.5.0-1016-azure"},"cpu":"x86_64","openssl_version":null,"setuptools_version":null,"rustc_version":null,"ci":true}
  unknown | nothing | - | - | uv/0.1.21
  # poetry.yml, and the same form from poetry's authenticator.py.
  poetry | poetry | - | Linux | poetry/1.1.11 CPython/3.9.2 Linux/5.10.16.3-microsoft-standard-WSL2
  poetry | poetry | - | Windows | poetry/2.1.3 CPython/3.12.2 Windows/11
  # pdm.yml; pdm's session.py at 2.12.4 and, since its move to httpx (a system more than the parser knows), at 2.13.0.
  pdm | pdm | - | - | pdm/2.1.6.dev32+g1e5dc62 CPython/3.11.0
  pdm | pdm | - | - | pdm/2.12.4 CPython/3.12.2
  unknown | nothing | - | - | pdm/2.13.0 CPython/3.12.2 Linux/6.8.0-1029-azure
  mirror | bandersnatch | - | - | bandersnatch/2.2.1 (cpython 3.7.0-final0, Darwin x86_64)
  mirror | devpi | - | - | devpi-server/4.6.0 (py3.7.0; darwin)
  mirror | Artifactory | - | - | Artifactory/1.7.4
  mirror | Nexus | - | - | Nexus/3.6.0-02 (OSS; Linux; 4.4.0-62-generic; amd64; 1.8.0_144)
  mirror | pep381client | - | - | pep381client/1.0.1
  mirror | pep381client | - | - | pep381client-proxy/0.5.6
  mirror | z3c.pypimirror | - | - | z3c.pypimirror/1.5.6
  browser | Browser | - | - | Mozilla/5.0 (Macintosh; Intel Mac OS X 10_13_6) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/68.0.3440.75 Safari/537.36
  browser | Browser | - | - | curl/8.5.0
  browser | Browser | - | - | Wget/1.21.3
  browser | Browser | - | - | aria2/1.36.0
  browser | Browser | - | - | okhttp/4.12.0
  browser | Browser | - | - | Apache-HttpClient/4.5.13 (Java/11.0.12)
  other | requests | - | - | python-requests/2.19.1
  other | requests | - | - | python-requests/2.7.0 CPython/3.7.0 Darwin/17.7.0
  other | conda | - | - | conda/4.3.16
  other | Bazel | - | - | Bazel/release 1.0
  other | Homebrew | - | - | Homebrew/0.9.9 (Macintosh; Intel macOS 10.12.0) curl/7.43.0
  other | setuptools | - | - | setuptools/1.0 Python-urllib/3.6
  other | distribute | - | - | Python-urllib/3.6 distribute/0.6.21
  other | twine | - | - | twine/4.0.2 CPython/3.9.16
  other | maturin | - | - | maturin/0.8.0-alpha.2
  other | pex | - | - | pex/1.4.5
  other | OS | - | - | fetch libfetch/2.0
  # Parsed, but no installer is named: urllib of Python 2.
  unknown | - | - | - | Python-urllib/2.7
  unknown | nothing | - | - | Python-urllib/3.12
  unknown | nothing | - | - | python-httpx/0.27.0
  unknown | nothing | - | - | Python/3.11 aiohttp/3.9.1
  no row | ignored | - | - | (null)
  no row | ignored | - | - | Go-http-client/1.1
  no row | ignored | - | - | Java/1.8.0_292`
  .trim()
  .split('\n')
  .filter((line) => !/^ *#/.test(line))
  .map((line) => {
    const [lands = '', name = '', ci, system, userAgent = ''] = line.trim().split(' | ');
    const installer = ['-', 'nothing', 'ignored'].includes(name) ? null : name;
    return { userAgent, installer, ci: ci === 'true' || null, system: system === '-' ? null : system, lands };
  });

/** The user agent, with as much of its JSON as is looked at. */
function shown(userAgent: string): string {
  const brace = userAgent.indexOf('{');
  if (brace < 0) return userAgent;
  const { installer, system, ci } = JSON.parse(userAgent.slice(brace));
  const read = JSON.stringify({ installer: { name: installer.name }, system: { name: system.name }, ci });
  return `${userAgent.slice(0, brace)}${read.slice(0, -1)}, …}`;
}

/** Rows of a table: user agents of which the parser makes the same are one. */
function tableRows(): string[] {
  const rows = new Map<string, string[]>();
  for (const { userAgent, installer, ci, system, lands } of CASES) {
    const cells = [installer, ci, system, lands === 'no row' ? lands : `\`${lands}\``].join(' | ');
    rows.set(cells, [...(rows.get(cells) ?? []), `\`${shown(userAgent)}\``]);
  }
  return [...rows].map(([cells, agents]) => `| ${agents.join('<br>')} | ${cells} |`);
}

describe('user agents', () => {
  const rows = CASES.filter(({ lands }) => lands !== 'no row');

  test.each(rows)('$userAgent lands in $lands', ({ installer, ci, lands }) => {
    expect(classify({ sidecar: false, ci, installer })).toBe(lands);
  });

  test('there is one for every class, but for installers that run pip and for files that are no packages', () => {
    const silent = ['pipenv', 'pipx', 'sidecar'];
    const expected = [...INSTALLERS, ...EXCLUSIONS].filter((name) => !silent.includes(name));
    expect([...new Set(rows.map(({ lands }) => lands))].toSorted()).toEqual(expected.toSorted());
  });

  test('docs/metric.md shows them all', () => {
    const page = readFileSync(new URL('../../docs/metric.md', import.meta.url), 'utf8');
    const [, section = ''] = /^## User agents\n([\s\S]*?)(?=^## )/m.exec(page) ?? [];
    const table = section.split('\n').filter((line) => line.startsWith('| `'));
    expect(table).toEqual(tableRows());
  });
});
