import type { Writable } from "node:stream";

/** Where a command writes: results to standard output, everything else to standard error. */
export interface Output {
  /** One line of result. Resolves once the stream has taken it; rejects when the reader is gone, so that nothing unseen is acked. */
  line(text: string): Promise<void>;
  /** One JSON document on a line. */
  json(value: unknown): Promise<void>;
  /** A remark for people; silent with --quiet and --json. */
  note(text: string): void;
  /** An error; never silent. */
  error(text: string): void;
  /** Aborts when the reader of standard output is gone (`waybill tail | head`). */
  readonly readerGone: AbortSignal;
}

/** Everything passes `clean`, which takes secrets out. */
export function createOutput(options: {
  stdout: Writable;
  stderr: Writable;
  silent: boolean;
  clean: (text: string) => string;
}): Output {
  const { stdout, stderr, silent, clean } = options;
  const gone = new AbortController();
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") stderr.write(`standard output: ${clean(error.message)}\n`);
    gone.abort();
  });
  // Nobody reads what would be written about it.
  stderr.on("error", () => gone.abort());
  const line = (text: string) =>
    new Promise<void>((resolve, reject) => {
      stdout.write(`${clean(text)}\n`, (error) => (error ? reject(error) : resolve()));
    });
  return {
    line,
    json: (value) => line(JSON.stringify(value)),
    note: (text) => {
      if (!silent) stderr.write(`${clean(text)}\n`);
    },
    error: (text) => {
      stderr.write(`${clean(text)}\n`);
    },
    readerGone: gone.signal,
  };
}
