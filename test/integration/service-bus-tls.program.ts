import { createCodec } from "@waybill/core/spi";
import { serviceBus } from "@waybill/service-bus";

/** Sends and receives one event over TLS, and one over WebSocket; prints what came. Meets a refusal over both. */
async function main(): Promise<void> {
  const namespace = process.argv[2]!;
  const credential = { getToken: async () => ({ token: "a-token", expiresOnTimestamp: Date.now() + 3_600_000 }) };
  const { signal } = new AbortController();
  const came: string[] = [];
  for (const [id, webSocket] of [
    ["tls", false],
    ["websocket", true],
  ] as const) {
    const adapter = serviceBus({ namespace, credential, webSocket, queues: ["jobs"] });
    const sender = await adapter.openSender("jobs");
    const event = { specversion: "1.0", id, source: "/shop", type: "placed" };
    await sender.send([createCodec().encode(event as never, { headers: true })], signal);
    const receiver = await adapter.openReceiver({ topic: "jobs", subscription: "worker", startFrom: "earliest" });
    const want = { max: 1, maxBytes: 1_000_000, pausedLanes: new Set<string>() };
    for (let batch = await receiver.receive(want, signal); ; batch = await receiver.receive(want, signal)) {
      came.push(...batch.map(({ message }) => message.id));
      await receiver.settle(
        batch.map((delivery) => ({ delivery, kind: "ack" as const })),
        signal,
      );
      if (batch.length > 0) break;
    }
    // A refused link must not leave a rejection that nobody handles, which would end this process.
    const missing = { topic: "missing", subscription: "worker", startFrom: "earliest" } as const;
    await adapter.openReceiver(missing).catch(({ code }) => came.push(code));
    await adapter.close();
  }
  console.log(JSON.stringify(came));
  process.exit(0);
}

void main();
