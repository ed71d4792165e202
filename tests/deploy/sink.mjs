// A webhook that writes what it is sent into a file, one JSON line for each request: sink.mjs PORT FILE
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [port, file] = process.argv.slice(2);
createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  appendFileSync(
    file,
    `${JSON.stringify({ path: request.url, type: request.headers['content-type'], body })}\n`,
  );
  response.end('ok');
}).listen(Number(port), '127.0.0.1');
