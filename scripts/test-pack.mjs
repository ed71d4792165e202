// npm run test:pack: publint has nothing to say of the package, and what `npm pack` makes carries its libraries as they
// are locked, installs into an empty folder without the registry, and works there.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { withRepository } from './set-repository.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'pypi-badges-pack-'));
try {
  const { messages, pkg } = await publint({ pkgDir: root, pack: 'npm', strict: true });
  const remarks = messages.map((message) => formatMessage(message, pkg));
  // How the libraries are made is their own affair.
  assert.deepEqual(
    remarks.filter((text) => !text.includes('/node_modules/')),
    [],
  );
  // What the release adds to package.json passes, too.
  assert.ok(withRepository(pkg, 'owner/name').repository.url.startsWith('git+https://'));

  const { stdout } = await execa('npm', ['pack', '--silent', '--json', '--pack-destination', folder], {
    cwd: root,
  });
  const [{ filename, files, unpackedSize }] = JSON.parse(stdout);
  const paths = files.map(({ path }) => path);
  for (const needed of [
    'dist/cli.js',
    'dist/THIRD-PARTY-LICENSES.txt',
    'tracked.yaml',
    'tracked.schema.json',
    'LICENSE',
    'README.md',
  ]) {
    assert.ok(paths.includes(needed), `${needed} is not in the package`);
  }
  const strange = paths.filter((path) => /^(src|tests|bench|scripts|examples|\.)/.test(path));
  assert.deepEqual(strange, [], 'the package has files that no user needs');

  const place = join(folder, 'empty');
  mkdirSync(place);
  const npm = { cwd: place, stdin: 'ignore' };
  await execa(
    'npm',
    [
      'install',
      '--omit=dev',
      '--offline',
      `--cache=${folder}/cache`,
      '--no-audit',
      '--no-fund',
      join(folder, filename),
    ],
    npm,
  );
  // All that it needs is in it.
  const installed = readdirSync(join(place, 'node_modules')).filter((name) => !name.startsWith('.'));
  assert.deepEqual(installed, ['pypi-badges']);
  assert.deepEqual(readdirSync(join(place, 'node_modules/pypi-badges')).includes('node_modules'), false);

  const run = (...argv) => execa('npx', ['--no-install', 'pypi-badges', ...argv], { ...npm, reject: false });
  const shown = await run('--version');
  assert.equal(shown.stdout, version);

  const refused = await run('check');
  assert.equal(refused.exitCode, 2);
  assert.match(refused.stderr, /^tracked\.yaml: there is no such file/m);

  const list = join(place, 'tracked.yaml');
  writeFileSync(list, readFileSync(join(place, 'node_modules/pypi-badges/tracked.yaml')));
  const checked = await run('check');
  assert.equal(checked.exitCode, 0, checked.stderr);
  assert.match(checked.stdout, /^tracked\.yaml is valid: 4 packages$/m);

  writeFileSync(
    list,
    'service: {output_dir: out, source: duckdb}\nduckdb: {files: rows.ndjson}\npackages: [demo]\n',
  );
  const collected = await run('collect');
  assert.equal(collected.exitCode, 1);
  assert.match(collected.stdout, /npm install @duckdb\/node-api/);
  assert.match(readFileSync(join(place, 'out/_health.json'), 'utf8'), /@duckdb\/node-api/);

  console.log(
    `${filename}: ${paths.length} files, ${Math.round(unpackedSize / 1024)} KiB; installs and works alone`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
