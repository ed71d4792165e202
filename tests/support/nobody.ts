/** The user `nobody` of Linux systems. */
const NOBODY = 65_534;

/**
 * Does something synchronous as a user whom file permissions hold back. Root is above them, and containers
 * often run tests as root; anybody else stays who they are.
 */
export function asNobody<T>(work: () => T): T {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(NOBODY);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}
