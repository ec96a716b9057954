import { createReadStream } from "node:fs";
import { addAbortSignal, type Readable } from "node:stream";
import { cliErrors } from "./cli-errors.ts";

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Undefined where the line is no UTF-8: what it means nobody can tell. */
  readonly text: string | undefined;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NEWLINE = 0x0a;

/**
 * The lines of a file, or of standard input for `-`, in groups of what has arrived, up to `max`; reads no further while a group is worked
 * on. Empty lines are left out. Ends when `signal` aborts. Throws WB_CLI_FILE.
 */
export async function* readLines(file: string, max: number, signal: AbortSignal): AsyncGenerator<Line[]> {
  const input: Readable = file === "-" ? process.stdin : createReadStream(file);
  addAbortSignal(signal, input);
  let number = 0;
  /** Of the line that is still arriving. */
  let parts: Buffer[] = [];
  const lineOf = (): Line => {
    const bytes = Buffer.concat(parts);
    parts = [];
    const text = textOf(bytes);
    return { number: ++number, text: number === 1 ? text?.replace(/^\uFEFF/, "") : text };
  };
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      const lines: Line[] = [];
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
        parts.push(chunk.subarray(from, at));
        from = at + 1;
        lines.push(lineOf());
      }
      parts.push(chunk.subarray(from));
      const filled = lines.filter(isFilled);
      for (let at = 0; at < filled.length; at += max) yield filled.slice(at, at + max);
    }
    const last = [lineOf()].filter(isFilled);
    if (last.length > 0) yield last;
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    if (signal.aborted && name === "AbortError") return;
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
    throw cliErrors.WB_CLI_FILE({ file, problem: code });
  }
}

const isFilled = ({ text }: Line) => text?.trim() !== "";

function textOf(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
