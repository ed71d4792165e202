/** What a shell expands, and nobody else: a folder literally called `${HOME}` is never what was meant. */
export const UNEXPANDED = /^~|\$\{?[A-Za-z_]/;
