// Prints the section of CHANGELOG.md for a release, which becomes the text of its page:
//   node scripts/release-notes.mjs v1.2.3
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/**
 * The text of a version's section, without its heading.
 *
 * @param changelog Text in the form of Keep a Changelog.
 * @throws Error if there is no such section, or nothing in it but headings.
 */
export function releaseNotes(changelog, version) {
  const lines = changelog.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`## [${version}]`));
  if (start < 0) throw new Error(`CHANGELOG.md has no section "## [${version}] - <date>"`);
  if (!/^## \[[^\]]+\] - \d{4}-\d\d-\d\d$/.test(lines[start])) {
    throw new Error(`CHANGELOG.md: "${lines[start]}" has no date (## [${version}] - YYYY-MM-DD)`);
  }
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => /^## |^\[[^\]]+\]: /.test(line));
  const text = (end < 0 ? rest : rest.slice(0, end)).join('\n').trim();
  const said = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  if (said.length === 0) throw new Error(`CHANGELOG.md says nothing of ${version}`);
  return `${text}\n`;
}

/** @throws Error if the tag is not that of package.json's version. */
export function versionOf(tag, manifest) {
  if (tag !== `v${manifest.version}`) {
    throw new Error(`the tag ${tag} is not v${manifest.version}, which package.json says`);
  }
  return manifest.version;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
    const version = versionOf(process.argv[2] ?? '', JSON.parse(read('package.json')));
    process.stdout.write(releaseNotes(read('CHANGELOG.md'), version));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
