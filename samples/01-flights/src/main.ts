import { InputError } from "./input-file.ts";
import { HELP, parseOptions, UsageError } from "./options.ts";
import { run } from "./run.ts";

const EXIT = { ok: 0, failed: 1, usage: 2, SIGINT: 130, SIGTERM: 143 } as const;

async function main(): Promise<number> {
  const stopped = new AbortController();
  let stoppedBy: "SIGINT" | "SIGTERM" | undefined;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (stoppedBy !== undefined) process.exit(EXIT[name]);
      stoppedBy = name;
      stopped.abort(new Error(`stopped by ${name}`));
    });
  }
  // Whoever read it has gone (`start | head`): the run goes on, for its exit code and what it keeps, and says nothing more there.
  process.stderr.on("error", () => undefined);
  process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") return;
    process.stderr.write(`The result cannot be written: ${message}.\n`);
    process.exitCode = EXIT.failed;
  });
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options === undefined) {
      process.stdout.write(`${HELP}\n`);
      return EXIT.ok;
    }
    const { summary, problems } = await run(options, stopped.signal);
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    process.stdout.write(`${JSON.stringify(summary)}\n`);
    return problems.length === 0 ? EXIT.ok : EXIT.failed;
  } catch (error) {
    const usage = error instanceof UsageError || error instanceof InputError;
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${text}${error instanceof UsageError ? "\nSee --help." : ""}\n`);
    return stoppedBy !== undefined ? EXIT[stoppedBy] : usage ? EXIT.usage : EXIT.failed;
  }
}

void main().then((code) => {
  process.exitCode ??= code;
});
