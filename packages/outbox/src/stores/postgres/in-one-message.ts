import type { ClientBase, Submittable } from "pg";

/** A statement that a connection keeps prepared under its name, and which answers no rows. */
export interface Prepared {
  readonly name: string;
  readonly text: string;
  readonly values: readonly (Buffer | string)[];
}

/** What of `pg`'s connection it needs: the interface that it offers to packages such as pg-cursor. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  bind(config: { readonly statement: string; readonly values: readonly unknown[] }): void;
  execute(config: object): void;
  sync(): void;
}

/** Of each client the names that it has prepared here. */
const prepared = new WeakMap<ClientBase, Set<string>>();

/**
 * Runs statements one after the other in one message to the server; after one that fails the others are not run. Answers how many rows each has
 * changed. The first time on a connection each is a message of its own, which prepares it.
 */
export async function inOneMessage(client: ClientBase, statements: readonly Prepared[]): Promise<readonly number[]> {
  let names = prepared.get(client);
  if (names === undefined) {
    names = new Set();
    prepared.set(client, names);
  }
  // A client that sends queries without waiting for answers takes no messages but its own.
  const isPipelining = (client as { pipeline?: unknown }).pipeline === true;
  if (!isPipelining && statements.every(({ name }) => names.has(name))) {
    return new Promise((resolve, reject) => {
      client.query(new OneMessage(statements, resolve, reject));
    });
  }
  const counts: number[] = [];
  for (const { name, text, values } of statements) {
    const { rowCount } = await client.query({ name, text, values: [...values] });
    names.add(name);
    counts.push(rowCount ?? 0);
  }
  return counts;
}

class OneMessage implements Submittable {
  /** Called by `pg` once it has added its timeout. */
  callback: (error?: unknown) => void = () => undefined;
  readonly #statements: readonly Prepared[];
  readonly #resolve: (counts: readonly number[]) => void;
  readonly #reject: (error: unknown) => void;
  readonly #counts: number[] = [];

  constructor(
    statements: readonly Prepared[],
    resolve: (counts: readonly number[]) => void,
    reject: (error: unknown) => void,
  ) {
    this.#statements = statements;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: unknown): void {
    const wire = connection as Wire;
    wire.stream.cork();
    try {
      for (const { name, values } of this.#statements) {
        wire.bind({ statement: name, values });
        wire.execute({});
      }
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    // `INSERT 0 1`, `BEGIN`
    this.#counts.push(Number(/\d+$/.exec(text)?.[0] ?? 0));
  }

  handleError(error: unknown): void {
    this.callback(error);
    this.#reject(error);
  }

  handleReadyForQuery(): void {
    this.callback();
    this.#resolve(this.#counts);
  }
}
