/** Oldest Node.js that the collector runs on (package.json, engines). */
const NODE_MIN = [20, 19] as const;

/**
 * What is wrong with a version of Node.js, and what to do; undefined if nothing is.
 *
 * @param version Without a v.
 */
export function nodeFault(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const old = major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1]);
  return old ? `${version} is too old; install ${NODE_MIN.join('.')} or newer` : undefined;
}
