// The main job on the example table: what `npm run demo` runs after the build.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const arguments_ = ['dist/cli.js', 'collect', '--config', 'examples/tracked.yaml', '--as-of', '2026-04-25'];
const { status } = spawnSync(process.execPath, [...arguments_, '--log-level', 'warn'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});
if (status === 0) {
  console.log(
    '\nThe badge files are in demo/output; open demo/output/index.html to see them, or put your own packages into tracked.yaml.',
  );
}
process.exitCode = status ?? 1;
