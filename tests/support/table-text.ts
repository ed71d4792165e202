/** The lines of a table that was printed, with a bar for the space between two cells. */
export const tableLines = (text: string) =>
  text.split('\n').map((line) => line.trimEnd().replaceAll(/ {2,}/g, ' | '));
