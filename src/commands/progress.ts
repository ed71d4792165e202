import type { Output } from './context.ts';

/** One line on a terminal that tells how far a run is; nothing at all anywhere else. */
export interface Progress {
  show(text: string): void;
  /** Takes the line away, before something else is written or at the end. */
  clear(): void;
}

const ERASE_LINE = '\r\u001b[2K';

export function createProgress(output: Output): Progress {
  let shown = false;
  return {
    show(text) {
      if (!output.isTTY) return;
      output.write(`${ERASE_LINE}${text.slice(0, 79)}`);
      shown = true;
    },
    clear() {
      if (shown) output.write(ERASE_LINE);
      shown = false;
    },
  };
}
