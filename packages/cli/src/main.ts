import { run } from "./run.ts";

const { stdout, stderr } = process;

void run(process.argv.slice(2), { stdout, stderr, exit: (code) => process.exit(code) }).then((code) => {
  // What a pipe has not taken yet would be lost by exit; what a client library left open would keep the process.
  process.exitCode = code;
  if (stdout.destroyed || stdout.writableLength === 0) process.exit(code);
  stdout.end(() => process.exit(code));
});
