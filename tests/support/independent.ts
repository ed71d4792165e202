/*
 * The metric once more, over single downloads and with nothing of src/: what the
 * command's figures are compared with.
 */

interface Line {
  timestamp: string;
  file: { project: string; filename?: string | null };
  details: {
    ci?: boolean | null;
    installer?: { name?: string } | null;
    system?: { name?: string } | null;
  } | null;
}

/** Counts the downloads of a package from `first` to `last` (both included) in the text of an NDJSON table. */
export function countByHand(table: string, project: string, first: string, last: string) {
  const downloads = table
    .trim()
    .split('\n')
    .map((line): Line => JSON.parse(line))
    .filter((line) => line.file.project === project)
    .filter((line) => line.timestamp.slice(0, 10) >= first && line.timestamp.slice(0, 10) <= last)
    .map(({ timestamp, file, details }) => ({
      // Only a distribution is a package; from 2026-08-25 on the log holds nothing else.
      sidecar:
        timestamp < '2026-08-25' &&
        typeof file.filename === 'string' &&
        !['.whl', '.tar.gz', '.zip'].some((ending) => file.filename?.endsWith(ending)),
      ci: details?.ci === true,
      installer: details?.installer?.name ?? '',
      system: details?.system?.name ?? '',
    }));
  const packages = downloads.filter(({ sidecar }) => !sidecar);
  const people = packages.filter(({ ci }) => !ci);
  const by = (name: string) => people.filter(({ installer }) => installer === name).length;
  const on = (name: string) => people.filter(({ system }) => system === name).length;
  const counts = {
    pip: by('pip'),
    pipenv: by('pipenv'),
    pipx: by('pipx'),
    uv: by('uv'),
    poetry: by('poetry'),
    pdm: by('pdm'),
    'pip-family': by('pip') + by('pipenv') + by('pipx'),
  };
  const count = counts['pip-family'] + counts.uv + counts.poetry + counts.pdm;
  const sidecar = downloads.length - packages.length;
  const ci = packages.length - people.length;
  const mirror = ['bandersnatch', 'z3c.pypimirror', 'Artifactory', 'devpi', 'Nexus', 'pep381client']
    .map(by)
    .reduce((a, b) => a + b);
  const browser = by('Browser');
  const unknown = by('');
  return {
    all: downloads.length,
    count,
    counts,
    counts_by_system: { Linux: on('Linux'), Darwin: on('Darwin'), Windows: on('Windows') },
    excluded: {
      sidecar,
      ci,
      mirror,
      browser,
      unknown,
      other: people.length - count - mirror - browser - unknown,
    },
  };
}
