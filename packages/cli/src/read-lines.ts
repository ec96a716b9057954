import { createReadStream } from "node:fs";
import { addAbortSignal, type Readable } from "node:stream";
import { cliErrors } from "./cli-errors.ts";

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/**
 * The lines of a file, or of standard input for `-`, in groups of what has arrived, up to `max`; reads no further while a group is worked
 * on. Empty lines are left out. Ends when `signal` aborts. Throws WB_CLI_FILE.
 */
export async function* readLines(file: string, max: number, signal: AbortSignal): AsyncGenerator<Line[]> {
  const input: Readable = file === "-" ? process.stdin : createReadStream(file);
  input.setEncoding("utf8");
  addAbortSignal(signal, input);
  let number = 0;
  let rest = "";
  const lineOf = (text: string): Line => {
    number++;
    return { number, text: number === 1 ? text.replace(/^\uFEFF/, "") : text };
  };
  try {
    for await (const chunk of input) {
      const texts = `${rest}${chunk as string}`.split("\n");
      rest = texts.pop() ?? "";
      const lines = texts.map(lineOf).filter(({ text }) => text.trim() !== "");
      for (let at = 0; at < lines.length; at += max) yield lines.slice(at, at + max);
    }
    if (rest.trim() !== "") yield [lineOf(rest)];
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    if (signal.aborted && name === "AbortError") return;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
    throw cliErrors.WB_CLI_FILE({ file, problem: code });
  }
}
