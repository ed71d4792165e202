// What GitHub Pages serves: the same files without the state.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** @returns Absolute path of the folder for actions/upload-pages-artifact. */
export function pagesFolder(work, outputDir, withHealth) {
  const folder = join(work, 'pages');
  rmSync(folder, { recursive: true, force: true });
  cpSync(outputDir, folder, {
    recursive: true,
    filter: (path) => withHealth || path !== join(outputDir, '_health.json'),
  });
  return folder;
}
