import type { Source } from "@waybill/core/spi";
import { type EventHubsEmulatorOptions, startEventHubsEmulator } from "@waybill/emulators";
import { type EventHubsOptions, eventHubs } from "@waybill/event-hubs";
import { describe, expect, it, onTestFinished } from "vitest";
import { openHubs } from "./event-hubs-adapter.fixture.ts";
import { never, thrown } from "./sender-and-receiver.fixture.ts";

const { azurite, checkpoints } = await openHubs("event hubs: refusals");

describe.skipIf(!azurite)("what cannot work says so within seconds", () => {
  const CANARY = "canary0c4nary0CANARY";
  const strict = async (options: EventHubsEmulatorOptions = {}) => {
    const started = await startEventHubsEmulator({ hubs: { orders: { partitionCount: 1 } }, ...options });
    onTestFinished(() => started.close());
    const connectionString = started.connectionString.replace("SAS_KEY_VALUE", CANARY);
    return { ...started, connectionString };
  };
  const wrongSas = (port: number) =>
    `Endpoint=sb://127.0.0.1:${port};SharedAccessSignature=SharedAccessSignature sr=sb%3A%2F%2F127.0.0.1&sig=${CANARY}&se=4000000000&skn=Root;UseDevelopmentEmulator=true`;
  /** As the service: a wrong token gets 401. */
  const checkToken: EventHubsEmulatorOptions["checkToken"] = () => ({
    status: 401,
    description: "InvalidSignature: The token has an invalid signature.",
  });
  const source: Source = { topic: "orders", subscription: "billing", startFrom: "earliest" };

  it.each<[string, string, string, () => Promise<EventHubsOptions>]>([
    [
      "a wrong key",
      "unauthorized",
      "WB_EVENT_HUBS_CALL",
      async () => ({ connectionString: (await strict({ checkToken })).connectionString, checkpoints }),
    ],
    [
      "a SAS that the service refuses",
      "unauthorized",
      "WB_EVENT_HUBS_CALL",
      async () => ({ connectionString: wrongSas((await strict({ checkToken })).port), checkpoints }),
    ],
    [
      "nobody at that address",
      "transient",
      "WB_EVENT_HUBS_CALL",
      async () => ({ connectionString: (await strict()).connectionString.replace(/:\d+;/, ":1;"), checkpoints }),
    ],
    [
      "a missing hub",
      "not-found",
      "WB_EVENT_HUBS_CALL",
      async () => ({ connectionString: (await strict({ hubs: {} })).connectionString, checkpoints }),
    ],
    [
      "a missing consumer group",
      "not-found",
      "WB_EVENT_HUBS_CALL",
      async () => ({ connectionString: (await strict()).connectionString, checkpoints }),
    ],
    [
      "a wrong key of the checkpoint store",
      "unauthorized",
      "WB_EVENT_HUBS_CALL",
      async () => ({
        connectionString: (await strict({ hubs: { orders: { consumerGroups: ["billing"] } } })).connectionString,
        checkpoints: {
          connectionString: checkpoints.connectionString.replace(/AccountKey=[^;]+/, "AccountKey=Y2FuYXJ5"),
        },
      }),
    ],
    [
      "no place for checkpoints",
      "invalid",
      "WB_EVENT_HUBS_CHECKPOINTS",
      async () => ({ connectionString: (await strict()).connectionString }),
    ],
  ])("%s: %s", async (_name, kind, code, options) => {
    const adapter = eventHubs(await options());
    onTestFinished(() => adapter.close());
    const beganMs = performance.now();
    const error = await thrown(adapter.openReceiver(source));
    expect(performance.now() - beganMs).toBeLessThan(8_000);
    expect(error).toMatchObject({ code, sentence: expect.stringMatching(/./), hint: expect.stringMatching(/./) });
    expect(adapter.classify(error)).toBe(kind);
    expect(String(error)).not.toContain(CANARY);
    expect(JSON.stringify(error)).not.toContain(CANARY);
    const health = await adapter.health(never);
    if (kind === "unauthorized" && !/checkpoint/.test(_name)) expect(health).toMatchObject({ ok: false });
    expect(JSON.stringify(health)).not.toContain(CANARY);
  });
});
