import { registerHooks } from "node:module";
import { kafka } from "@waybill/kafka";

/** An application that has not installed the packages for snappy and lz4: says what it is told of a topic that needs one. */
async function main(): Promise<void> {
  const [brokers, topic] = process.argv.slice(2) as [string, string];
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier !== "snappy" && specifier !== "lz4-napi") return next(specifier, context);
      throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: "ERR_MODULE_NOT_FOUND" });
    },
  });
  const adapter = kafka({ brokers });
  const source = { topic, subscription: "s", startFrom: "earliest" } as const;
  const receiver = await adapter.openReceiver(source);
  const want = { max: 10, maxBytes: 1_000_000, pausedLanes: new Set<string>() };
  const received = async () => {
    for (;;) {
      const came = await receiver.receive(want, AbortSignal.timeout(10_000));
      if (came.length > 0) return { came: came.length };
    }
  };
  const said = await received().catch((error: { code: string; sentence: string; hint: string }) => error);
  console.log(JSON.stringify({ said, backlog: await adapter.backlog!(source) }));
  await adapter.close();
}

void main();
