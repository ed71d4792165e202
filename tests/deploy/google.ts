import { connect, createServer } from 'node:net';
import { startGoogle } from '../support/google-server.ts';
import { lastDays } from '../support/independent.ts';

/*
 * Google on a booted host: its token server and BigQuery behind TLS on port 443, for hosts that name
 * oauth2.googleapis.com and bigquery.googleapis.com in /etc/hosts. Bundled by setup.ts, with the certificates beside it.
 */

/** A download by pip a day, and two by CI. */
const rows = lastDays(90).flatMap((day) => [
  { project: 'mcp-clipboard', day, installer: 'pip', system: 'Linux', downloads: 1 },
  { project: 'mcp-clipboard', day, ci: true, installer: 'uv', downloads: 2 },
]);
const google = await startGoogle({ bigQuery: { rows } });
createServer((socket) => {
  const other = connect(google.tlsPort, '127.0.0.1');
  for (const end of [socket, other]) end.on('error', () => end.destroy());
  socket.pipe(other).pipe(socket);
}).listen(443, '127.0.0.1');
