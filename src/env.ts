/** The environment's variables, as they are handed down from cli.ts. */
export type Env = Readonly<Record<string, string | undefined>>;
