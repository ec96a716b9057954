import { eventGrid } from "@waybill/event-grid";
import { type BrokerEntry, documentOf, type Load } from "./broker-bench.ts";
import { startEmulatorsBeside } from "./emulators.ts";

const VERSION = "api-version=2024-06-01";

/** The REST calls of the documentation by `fetch`: the namespaces SDK drops extensions, so nobody can use it. 100 events a receive, one acknowledge for them. */
export const eventGridBench: BrokerEntry = {
  name: "event-grid",
  events: 20_000,
  batch: 500,
  start: async () => {
    const emulators = await startEmulatorsBeside();
    const { endpoint, key } = emulators.eventGrid;
    const call = async (path: string, contentType: string, body: string) => {
      const response = await fetch(`${endpoint}${path}`, {
        method: "POST",
        headers: { authorization: `SharedAccessKey ${key}`, "content-type": contentType },
        body,
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return response.text();
    };
    const publish = (topic: string, loads: readonly Load[]) =>
      call(
        `/topics/${topic}:publish?${VERSION}`,
        "application/cloudevents-batch+json; charset=utf-8",
        `[${loads.map(documentOf).join(",")}]`,
      );
    return {
      place: emulators.place,
      adapter: () => eventGrid({ endpoint, key, maxWaitMs: 10_000 }),
      rawSend: async (topic) => ({
        one: async (load) => void (await publish(topic, [load])),
        batch: async (loads) => void (await publish(topic, loads)),
        close: async () => undefined,
      }),
      rawConsume: async ({ topic, subscription }, count, clock) => {
        const path = `/topics/${topic}/eventsubscriptions/${subscription}`;
        for (let left = count; left > 0; ) {
          const answer = await call(`${path}:receive?${VERSION}&maxEvents=100&maxWaitTime=10`, "application/json", "");
          const { value } = JSON.parse(answer) as { value: { brokerProperties: { lockToken: string } }[] };
          if (value.length === 0) continue;
          clock.first();
          const lockTokens = value.map(({ brokerProperties }) => brokerProperties.lockToken);
          const acked = await call(
            `${path}:acknowledge?${VERSION}`,
            "application/json",
            JSON.stringify({ lockTokens }),
          );
          // The call succeeds also where tokens fail.
          const { succeededLockTokens } = JSON.parse(acked) as { succeededLockTokens: string[] };
          left -= succeededLockTokens.length;
        }
      },
      stop: emulators.stop,
    };
  },
};
