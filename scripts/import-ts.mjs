// Node 20 does not run TypeScript: bundles a module of src/ into a temporary file and imports that.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

/** Imports a TypeScript module by its path from the root of the repository. */
export async function importTs(path) {
  const folder = mkdtempSync(join(tmpdir(), 'pypi-badges-module-'));
  try {
    const input = fileURLToPath(new URL(`../${path}`, import.meta.url));
    // Native code cannot be bundled. It is loaded by none of these.
    const bundle = await rolldown({ input, platform: 'node', external: /^@duckdb\// });
    await bundle.write({ dir: folder, entryFileNames: 'module.mjs', format: 'esm' });
    return await import(pathToFileURL(join(folder, 'module.mjs')).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
