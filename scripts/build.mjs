// Bundles src/ into dist/. What every command needs (commander, yaml, zod) is bundled and shaken, which
// halves the time that `check` takes to start; what only some need stays outside and is loaded on demand.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { raw } from './raw.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const external = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });

rmSync(join(root, 'dist'), { recursive: true, force: true });
const bundle = await rolldown({
  // The gate is an entry of its own, so that the failure hook can use it without the rest; so is the merging of
  // state, for the Action.
  input: {
    cli: join(root, 'src/cli.ts'),
    gate: join(root, 'src/errors/gate.ts'),
    merge: join(root, 'src/state/merge.ts'),
  },
  platform: 'node',
  plugins: [raw],
  external: (id) => external.some((name) => id === name || id.startsWith(`${name}/`)),
});
const { output } = await bundle.write({
  dir: join(root, 'dist'),
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
});
await bundle.close();

// The licences of what was bundled ask to travel with it.
const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
const bundled = new Set(
  modules.flatMap((id) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []),
);
const notices = [...bundled].sort().map((name) => {
  const folder = join(root, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const text = ['LICENSE', 'license', 'LICENSE.md'].flatMap((file) => {
    try {
      return [readFileSync(join(folder, file), 'utf8').trim()];
    } catch {
      return [];
    }
  })[0];
  if (text === undefined) throw new Error(`${name} has no licence file to pass on`);
  return `${name} ${version} (${license})\n\n${text}\n`;
});
writeFileSync(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), notices.join(`\n${'-'.repeat(80)}\n\n`));
