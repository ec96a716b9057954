import type { ChildProcess } from "node:child_process";

type Service = "queue" | "blob";

const LISTENS = /Azurite (Queue|Blob) service (?:is )?successfully listen(?:s|ing) (?:on|at) (http:\/\/[\d.]+:\d+)/g;

/** Waits until the child has printed the address of each service; rejects with its output when it ends or stays silent. */
export function readAddresses(
  child: ChildProcess,
  services: readonly Service[],
  withinMs: number,
): Promise<Partial<Record<Service, string>>> {
  return new Promise((resolve, reject) => {
    let output = "";
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      child.stdout?.off("data", read);
      child.stderr?.off("data", read);
      child.off("exit", ended);
      child.off("error", failed);
      settle();
    };
    const fail = (what: string) =>
      finish(() => reject(new Error(`Azurite ${what}. It printed: ${output.trim().slice(-2_000) || "nothing"}`)));
    const failed = (error: Error) => fail(`could not be started: ${error.message}`);
    const ended = (code: number | null, signal: string | null) =>
      fail(`ended at once (${signal ?? `exit code ${code}`})`);
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const found: Partial<Record<Service, string>> = {};
      for (const [, service = "", address = ""] of output.matchAll(LISTENS)) {
        found[service.toLowerCase() as Service] = address;
      }
      if (services.every((service) => found[service] !== undefined)) finish(() => resolve(found));
    };
    const timer = setTimeout(() => fail(`did not listen within ${withinMs} ms`), withinMs);
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("exit", ended);
    child.once("error", failed);
  });
}
