import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { listen } from './listen.ts';

/** Types of what is no page. */
const TYPES: Record<string, string> = { svg: 'image/svg+xml', json: 'application/json' };

/**
 * A folder on loopback, and every path that was asked for.
 *
 * @param headers Sent with every answer.
 */
export async function serve(folder: string, headers: Record<string, string> = {}) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    asked.push(path);
    try {
      const file = join(folder, path);
      const content = readFileSync(statSync(file).isDirectory() ? join(file, 'index.html') : file);
      const type = TYPES[file.split('.').at(-1) ?? ''] ?? 'text/html; charset=utf-8';
      response.writeHead(200, { 'content-type': type, ...headers }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  const { port, close } = await listen(server);
  return { url: `http://127.0.0.1:${port}`, asked, close };
}
