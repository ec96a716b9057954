import type { Writable } from "node:stream";
import { type Command, CommanderError } from "commander";
import { EXIT } from "./exit-codes.ts";
import { exitCodeOf, NO_COMMAND, printError, toWaybillError } from "./failure.ts";
import { createOutput } from "./output.ts";
import { createProgram } from "./program.ts";
import { createRedactor } from "./redactor.ts";
import { createSession, type GlobalOptions, type Session } from "./session.ts";
import { listenForShutdown } from "./shutdown.ts";

/** For closing, once a signal has come. */
const LEAVE_MS = 1_000;

/** Runs one command line and answers its exit code. Prints every error itself and rejects never. */
export async function run(
  argv: readonly string[],
  io: { stdout: Writable; stderr: Writable; exit: (code: number) => void },
): Promise<number> {
  const json = argv.includes("--json");
  const redactor = createRedactor(process.env);
  const silent = json || argv.includes("--quiet");
  const output = createOutput({ ...io, silent, clean: redactor.clean });
  const shutdown = listenForShutdown(io.exit);
  let session: Session | undefined;
  let exitCode: number = EXIT.ok;
  const program = createProgram({
    write: (text) => io.stdout.write(text),
    writeError: (text) => json || io.stderr.write(text),
    run: async (options: GlobalOptions, action) => {
      session = createSession({ options, output, redactor, shutdown });
      const cutShort = shutdown.overdue.then((code) => {
        output.note("stopped before it was done: something does not answer");
        return code;
      });
      exitCode = (await Promise.race([action(session), cutShort])) ?? EXIT.ok;
    },
  });
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok;
    // No command: a person has been given the help instead of an error.
    if (thrown instanceof CommanderError && thrown.code === NO_COMMAND && !json) return EXIT.usage;
    if (output.readerGone.aborted) return EXIT.ok;
    const error = toWaybillError(thrown, ["waybill", ...commandWords(program, argv)].join(" "));
    exitCode = exitCodeOf(error);
    if (exitCode === EXIT.failure && session?.isBrokerFault(error)) exitCode = EXIT.broker;
    if (error.code === "WB_PUBLISH_ABORTED") exitCode = shutdown.code ?? exitCode;
    printError(error, exitCode, output, { json, verbose: argv.includes("--verbose") });
  } finally {
    await session
      ?.close(shutdown.code === undefined ? {} : { withinMs: LEAVE_MS })
      .catch((error: unknown) => output.note(`closing: ${error instanceof Error ? error.message : error}`));
    shutdown.dispose();
  }
  return exitCode;
}

/** The command's own name in what was typed, for the hint; anything else could be a value. */
function commandWords(program: Command, argv: readonly string[]): string[] {
  const words: string[] = [];
  let at: Command | undefined = program;
  for (const word of argv) {
    const next: Command | undefined = at?.commands.find((command) => command.name() === word);
    if (next !== undefined) words.push(word);
    at = next ?? at;
  }
  return words;
}
