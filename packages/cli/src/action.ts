import type { Session } from "./session.ts";

/** What a command does. Answers the exit code; undefined is 0. */
export type Action = (session: Session) => Promise<number | undefined>;

/** Makes a commander action of one that gets a session: `(arguments, options) => (session) => exit code`. */
export type Bind = (
  make: (args: readonly string[], options: Record<string, unknown>) => Action,
) => (...given: unknown[]) => Promise<void>;
