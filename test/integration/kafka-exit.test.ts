import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { testKafka } from "../kafka/test-kafka.ts";

const PROGRAM = fileURLToPath(new URL("./kafka-exit.program.ts", import.meta.url));
const broker = await testKafka("a Kafka client's exit");

/** Of the program. */
const SESSION_MS = 1_000;

/** The adapter's default: the second engine has a timer for each connection that it was making. */
const CONNECT_MS = 5_000;

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
  process.kill(broker!.pid!, "SIGCONT");
});
afterAll(() => broker?.stop());

/** Runs until it has received an event; answers what says how long it takes to close and to end. */
async function ready(engine: string) {
  const child = fork(PROGRAM, [broker!.brokers[0]!, engine], { execArgv: ["--conditions=waybill-source"] });
  running.push(child);
  expect((await once(child, "message"))[0]).toBe("ready");
  return async () => {
    const startedMs = performance.now();
    const exited = once(child, "exit");
    child.send("close");
    expect((await once(child, "message"))[0]).toBe("closed");
    const closedMs = performance.now() - startedMs;
    expect(await exited).toEqual([0, null]);
    return { closedMs, keptMs: performance.now() - startedMs - closedMs };
  };
}

describe.skipIf(broker?.pid === undefined).each(["kafkajs", "platformatic"] as const)("over %s", (engine) => {
  it("nothing keeps the process once the bus is closed", async () => {
    const close = await ready(engine);
    expect((await close()).keptMs).toBeLessThan(4_500);
  });

  it.each([
    ["has just fallen silent", 0],
    ["has been silent for so long that the member is joining anew", 3 * SESSION_MS],
  ])("nothing keeps it when the broker %s", async (_, silentMs) => {
    const close = await ready(engine);
    process.kill(broker!.pid!, "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, silentMs));
    const { closedMs, keptMs } = await close();
    expect(closedMs).toBeLessThan(20_000);
    expect(keptMs).toBeLessThan(CONNECT_MS + 1_000);
  });
});
