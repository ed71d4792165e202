import { ndjson } from '../support/downloads.ts';
import { lastDays } from '../support/independent.ts';

/** The source table of the deploy test, and by hand what must come out of it. */

/** [package, CI flag, installer, system, downloads] */
type Group = [string, boolean | null, string | null, string | null, number];

const groups: Group[] = [
  ['mcp-clipboard', null, 'pip', 'Linux', 5],
  ['mcp-clipboard', false, 'pip', 'Darwin', 4],
  ['mcp-clipboard', null, 'uv', 'Linux', 3],
  ['mcp-clipboard', null, 'uv', 'Windows', 2],
  ['mcp-clipboard', true, 'pip', 'Linux', 120],
  ['mcp-clipboard', null, 'bandersnatch', null, 1325],
  ['mcp-clipboard', null, 'Browser', null, 31],
  ['mcp-clipboard', null, null, null, 201],
  ['steady-tool', null, 'pip', 'Linux', 1150],
  ['steady-tool', true, 'uv', 'Linux', 700],
  ['somebody-elses', null, 'pip', 'Linux', 400],
];

/** The table, where every row lies two days before today. */
export function table(): string {
  const [, at = ''] = lastDays(2);
  return ndjson(
    groups.map(([project, ci, installer, system, times]) => ({ at, project, ci, installer, system, times })),
  );
}

/** The tracked.yaml that goes with it. */
export const trackedYaml = `service:
  output_dir: /var/lib/pypi-badges/output
  state_dir: /var/lib/pypi-badges/state
  source: duckdb
duckdb:
  files: /srv/file_downloads.ndjson
packages:
  - name: mcp-clipboard
    window_days: 30
  - steady-tool
`;

/** The list of pypi-winnow-downloads, with a spelling and a second window as its users write them. */
export const oldList = `# Example configuration for pypi-winnow-downloads.
service:
  # Where shields.io-endpoint JSON files are written.
  output_dir: /var/lib/pypi-winnow-downloads/output

  # Google Cloud service account JSON with BigQuery Job User role.
  credential_file: /etc/pypi-winnow-downloads/gcp.json

  stale_threshold_days: 3

packages:
  - name: MCP_Clipboard
    window_days: 30
  - name: MCP_Clipboard
    window_days: 7
`;

/** The text of a badge file. */
export const badgeText = (label: string, message: string, color: string) =>
  `${JSON.stringify({ schemaVersion: 1, label, message, color }, null, 2)}\n`;

/** Badge files, by path below output_dir. */
export const badgeTexts: Record<string, string> = {
  'mcp-clipboard/downloads-30d-non-ci.json': badgeText('pip*/uv/poetry/pdm (30d)', '14', 'blue'),
  'mcp-clipboard/installer-pip-30d-non-ci.json': badgeText('pip (30d)', '9', 'lightgrey'),
  'mcp-clipboard/installer-pip-family-30d-non-ci.json': badgeText('pip* (30d)', '9', 'lightgrey'),
  'mcp-clipboard/installer-uv-30d-non-ci.json': badgeText('uv (30d)', '5', 'lightgrey'),
  'mcp-clipboard/installer-pdm-30d-non-ci.json': badgeText('pdm (30d)', '0', 'lightgrey'),
  'mcp-clipboard/os-linux-30d-non-ci.json': badgeText('linux (30d)', '8', 'lightgrey'),
  'mcp-clipboard/os-macos-30d-non-ci.json': badgeText('macos (30d)', '4', 'lightgrey'),
  'mcp-clipboard/os-windows-30d-non-ci.json': badgeText('windows (30d)', '2', 'lightgrey'),
  'steady-tool/downloads-30d-non-ci.json': badgeText('pip*/uv/poetry/pdm (30d)', '1.2k', 'blue'),
};
