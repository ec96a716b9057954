// Runs a server as its child and ends it when the channel to the parent closes, because the parent said stop or died: in order first,
// by force `stopMs` later. The throwaway folder goes once the parent is gone.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

const [stopMs, inOrder, byForce, folder, uid, command, ...args] = process.argv.slice(2) as [
  string,
  NodeJS.Signals,
  NodeJS.Signals,
  string,
  string,
  string,
  ...string[],
];
if (!process.connected) process.exit(1);

const owner = uid === "" ? {} : { uid: Number(uid), gid: Number(uid) };
const child = spawn(command, args, { ...owner, cwd: folder, stdio: ["ignore", 2, 2] });

const stop = () => {
  child.kill(inOrder);
  setTimeout(() => child.kill(byForce), Number(stopMs));
};
let orphaned = false;
process.once("disconnect", () => {
  orphaned = true;
  stop();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);

child.once("spawn", () => process.send?.({ pid: child.pid }));
child.once("exit", (code) => {
  if (orphaned) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.exit(code ?? 1);
});
