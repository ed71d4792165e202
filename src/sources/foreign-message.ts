import { redact } from '../errors/redact.ts';

/** Longest foreign message: Google's own with a link and an identifier in it are about half as long. */
const WORDS_MAX = 1_000;

function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  // At a space, so that nothing that would be taken out as a whole is left in part.
  const space = text.lastIndexOf(' ', length - 3);
  return `${text.slice(0, space > length / 2 ? space : length - 3)}...`;
}

/** What others say goes wrong, on one line, without secrets and short enough to read: it may hold anything. */
export function wordsOf(message: string): string {
  return cut(redact(message).replaceAll(/\s+/g, ' ').trim(), WORDS_MAX);
}

/** The first line of what others say goes wrong, where more than that is a stack or a page. */
export function firstLine(message: string): string {
  const line = redact(message)
    .split('\n')
    .find((part) => part.trim() !== '');
  return cut((line ?? '').trim(), 300);
}
