import { redact } from '../errors/redact.ts';

/** One line of what others say goes wrong, without secrets and short enough to read: it may hold anything. */
export function firstLine(message: string): string {
  const line = (
    redact(message)
      .split('\n')
      .find((part) => part.trim() !== '') ?? ''
  ).trim();
  return line.length > 200 ? `${line.slice(0, 197)}...` : line;
}
