// Preloaded with --import: appends the specifier of every ES module import to the file TRACE_FILE.
import { appendFileSync } from 'node:fs';
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) register(import.meta.url);

/** Node's hook, which runs in a thread of its own: https://nodejs.org/api/module.html#resolvespecifier-context-nextresolve */
export async function resolve(specifier, context, nextResolve) {
  appendFileSync(process.env.TRACE_FILE, `${specifier}\n`);
  return nextResolve(specifier, context);
}
