// Runs Java as its child and ends it when the channel to the parent closes, because the parent said stop or died: SIGTERM, and SIGKILL
// when that has not helped for a while. Then the throwaway folder goes too. Java itself would never notice.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

const [stopMs, folder, java, ...args] = process.argv.slice(2) as [string, string, string, ...string[]];
if (!process.connected) process.exit(1);

const child = spawn(java, args, { stdio: ["ignore", "inherit", "inherit"], windowsHide: true });

const stop = () => {
  child.kill("SIGTERM");
  setTimeout(() => child.kill("SIGKILL"), Number(stopMs));
};
process.once("disconnect", stop);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);

child.once("spawn", () => process.send?.({ pid: child.pid }));
child.once("exit", (code) => {
  if (folder !== "") rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.exit(code ?? 1);
});
