import { describe, expect, it } from "vitest";
import {
  cloudEvent,
  eventually,
  type NamespaceSubscriptionConfig,
  open,
  rest,
  webhook,
} from "./emulator-event-grid.fixture.ts";

async function withNamespace(subscription: Partial<NamespaceSubscriptionConfig> = {}) {
  const dead: string[] = [];
  const emulator = await open({
    namespaces: [
      {
        name: "shop",
        topics: [
          {
            name: "orders",
            subscriptions: [
              { name: "billing", deadLetter: async (_path, json) => void dead.push(json), ...subscription },
            ],
          },
        ],
      },
    ],
  });
  const at = (operation: string) => `/topics/orders/eventsubscriptions/billing:${operation}`;
  return {
    emulator,
    dead,
    publish: (events: object[]) =>
      rest(emulator, "/topics/orders:publish", events, { "content-type": "application/cloudevents-batch+json" }),
    receive: async (query = "maxEvents=100&maxWaitTime=10") => {
      const { body } = await rest(emulator, `${at("receive")}?${query}`);
      return body.value as { brokerProperties: { lockToken: string; deliveryCount: number }; event: unknown }[];
    },
    settle: (operation: string, lockTokens: unknown) => rest(emulator, at(operation), { lockTokens }),
    call: (operation: string, body?: unknown) => rest(emulator, at(operation), body),
    state: () => emulator.control.state("shop/orders", "billing"),
  };
}

describe("publish and receive", () => {
  // fidelity event-grid: namespace topics: publish and receive
  it("keeps every extension and falsy data, with a lock token and a delivery count", async () => {
    const { publish, receive } = await withNamespace();
    const events = [0, "", false, null, [], { a: 0 }].map((data, at) =>
      cloudEvent(String(at), { data, traceparent: "00-1", partitionkey: "", flag: false, count: 0 }),
    );
    const bytes = { specversion: "1.0", id: "b", source: "/s", type: "t", data_base64: "AP8=" };
    expect(await publish([...events, bytes])).toMatchObject({ status: 200, body: {} });
    const received = await receive();
    expect(received.map(({ event }) => event)).toEqual([...events, bytes]);
    for (const { brokerProperties } of received) {
      expect(brokerProperties).toEqual({ lockToken: expect.any(String), deliveryCount: 1 });
    }
  });

  it("takes a single and a binary event, and one namespace by name", async () => {
    const { emulator, receive } = await withNamespace();
    const structured = { "content-type": "application/cloudevents+json" };
    expect((await rest(emulator, "/shop/topics/orders:publish", cloudEvent("1"), structured)).status).toBe(200);
    const binary = { "ce-specversion": "1.0", "ce-id": "2", "ce-source": "/s", "ce-type": "t", "ce-ext": "x" };
    expect((await rest(emulator, "/topics/orders:publish", "0", binary)).status).toBe(200);
    expect((await receive()).map(({ event }) => event)).toEqual([
      cloudEvent("1"),
      { specversion: "1.0", id: "2", source: "/s", type: "t", ext: "x", datacontenttype: "application/json", data: 0 },
    ]);
  });

  // fidelity event-grid: namespace topics: publish and receive
  it("gives one event unless asked for more, and answers a waiting receiver at once", async () => {
    const { publish, receive } = await withNamespace();
    const waiting = receive("");
    await publish([cloudEvent("1"), cloudEvent("2"), cloudEvent("3")]);
    expect(await waiting).toHaveLength(1);
    expect(await receive("maxEvents=2")).toHaveLength(2);
  });

  it("answers an empty array when its time is over", async () => {
    const { emulator, receive } = await withNamespace();
    const waiting = receive("maxWaitTime=10");
    // The request must have arrived before the clock moves: one more that is answered proves it.
    await fetch(`${emulator.endpoint}/health`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    emulator.control.advanceClock(10_000);
    expect(await waiting).toEqual([]);
  });

  it("loses nothing to a receiver that hung up", async () => {
    const { emulator, publish, receive } = await withNamespace();
    const gone = new AbortController();
    const url = `${emulator.endpoint}/topics/orders/eventsubscriptions/billing:receive?api-version=2024-06-01`;
    const headers = { authorization: `SharedAccessKey ${emulator.key}` };
    const left = fetch(url, { method: "POST", headers, signal: gone.signal }).catch(() => "aborted");
    await new Promise((resolve) => setTimeout(resolve, 50));
    gone.abort();
    expect(await left).toBe("aborted");
    await new Promise((resolve) => setTimeout(resolve, 50));
    await publish([cloudEvent("1")]);
    expect(await receive()).toMatchObject([{ brokerProperties: { deliveryCount: 1 } }]);
  });

  it("filters", async () => {
    const { publish, receive } = await withNamespace({ filter: { subjectBeginsWith: "/a" } });
    await publish([cloudEvent("1", { subject: "/b" }), cloudEvent("2", { subject: "/a/1" })]);
    expect(await receive()).toMatchObject([{ event: { id: "2" } }]);
  });
});

describe("settling", () => {
  // fidelity event-grid: namespace topics: acknowledge
  it("acknowledges, and names the tokens that failed", async () => {
    const { publish, receive, settle, state } = await withNamespace();
    await publish([cloudEvent("1"), cloudEvent("2")]);
    const [first, second] = (await receive()).map(({ brokerProperties }) => brokerProperties.lockToken);
    expect(await settle("acknowledge", [first])).toMatchObject({
      status: 200,
      body: { succeededLockTokens: [first], failedLockTokens: [] },
    });
    expect((await settle("acknowledge", [first, second, "?"])).body).toEqual({
      succeededLockTokens: [second],
      failedLockTokens: [
        { lockToken: first, error: { code: "TokenLost", message: expect.any(String) } },
        { lockToken: "?", error: { code: "BadToken", message: expect.any(String) } },
      ],
    });
    expect(state()).toMatchObject({ events: [], delivered: 2 });
  });

  // fidelity event-grid: namespace topics: release with its delays
  it.each([0, 10, 60, 600, 3600])("releases after %d s", async (seconds) => {
    const { emulator, publish, receive, call, state } = await withNamespace({ eventTimeToLive: "P1D" });
    await publish([cloudEvent("1")]);
    const lockTokens = (await receive()).map(({ brokerProperties }) => brokerProperties.lockToken);
    const { body } = await call(`release?releaseDelayInSeconds=${seconds}`, { lockTokens });
    expect(body.succeededLockTokens).toEqual(lockTokens);
    if (seconds > 0) {
      emulator.control.advanceClock(seconds * 1000 - 500);
      expect(state().events).toMatchObject([{ state: "delayed" }]);
      emulator.control.advanceClock(500);
    }
    expect(await receive()).toMatchObject([{ brokerProperties: { deliveryCount: 2 }, event: { id: "1" } }]);
  });

  // fidelity event-grid: namespace topics: reject
  it("rejects to the dead letters", async () => {
    const { emulator, publish, receive, settle, dead, state } = await withNamespace();
    await publish([cloudEvent("1", { ext: "x", data: 0 })]);
    const [only] = await receive();
    await settle("reject", [only!.brokerProperties.lockToken]);
    expect(state()).toMatchObject({ events: [], deadLetters: { waiting: 1 } });
    emulator.control.advanceClock(300_000);
    await eventually(() => dead.length === 1);
    expect(JSON.parse(dead[0]!)).toEqual([
      {
        deadLetterProperties: {
          deadletterreason: expect.any(String),
          deliveryattempts: 1,
          deliveryresult: expect.any(String),
          publishutc: expect.any(String),
          deliveryattemptutc: expect.any(String),
        },
        event: cloudEvent("1", { ext: "x", data: 0 }),
      },
    ]);
  });

  // fidelity event-grid: namespace topics: renew locks
  it("renews a lock, and loses one that ran out", async () => {
    const { emulator, publish, receive, settle } = await withNamespace({ receiveLockDurationInSeconds: 60 });
    await publish([cloudEvent("1")]);
    const token = (await receive())[0]!.brokerProperties.lockToken;
    emulator.control.advanceClock(50_000);
    expect((await settle("renewLock", [token])).body.succeededLockTokens).toEqual([token]);
    emulator.control.advanceClock(50_000);
    expect((await settle("renewLock", [token])).body.succeededLockTokens).toEqual([token]);
    emulator.control.advanceClock(60_000);
    expect((await settle("renewLock", [token])).body.failedLockTokens).toMatchObject([
      { error: { code: "TokenLost" } },
    ]);
    expect(await receive()).toMatchObject([{ brokerProperties: { deliveryCount: 2 } }]);
  });

  it("expires locks by hand and gives up at the largest delivery count", async () => {
    const { emulator, publish, receive, state } = await withNamespace({ maxDeliveryCount: 2 });
    await publish([cloudEvent("1")]);
    for (let round = 1; round <= 2; round += 1) {
      const [only] = await receive();
      expect(only?.brokerProperties.deliveryCount).toBe(round);
      const { lockToken } = only!.brokerProperties;
      expect(emulator.control.expireLocks("shop/orders", "billing", lockToken)).toBe(1);
    }
    expect(state()).toMatchObject({ events: [], deadLetters: { waiting: 1 } });
  });

  it("drops what is too old", async () => {
    const { emulator, publish, state } = await withNamespace({ eventTimeToLive: "PT1M", deadLetter: undefined });
    await publish([cloudEvent("1")]);
    emulator.control.advanceClock(60_000);
    expect(state()).toMatchObject({ events: [], deadLetters: { dropped: 1 } });
  });
});

describe("refusals", () => {
  // fidelity event-grid: 401, 404, 413 and the sentences beside them
  // fidelity event-grid: namespace topics: publish and receive
  // fidelity event-grid: namespace topics: release with its delays
  // fidelity event-grid: namespace topics: 403 for a publish that is too large, 410 for a topic that is not there
  it("are 400 for what is out of bounds, 403 for too much", async () => {
    const { emulator, call, settle, publish } = await withNamespace();
    for (const query of ["maxEvents=0", "maxEvents=101", "maxEvents=x", "maxWaitTime=9", "maxWaitTime=121"])
      expect((await call(`receive?${query}`)).status).toBe(400);
    expect((await call("release?releaseDelayInSeconds=5", { lockTokens: ["x"] })).status).toBe(400);
    expect((await settle("acknowledge", [1])).status).toBe(400);
    expect((await settle("acknowledge", "x")).status).toBe(400);
    expect((await call("acknowledge", "{")).status).toBe(400);
    expect((await publish([{ ...cloudEvent("1"), data: undefined }])).status).toBe(400);
    expect((await publish(Array.from({ length: 1001 }, () => cloudEvent("1")))).status).toBe(403);
    const url = `${emulator.endpoint}/topics/orders:publish`;
    const headers = { authorization: `SharedAccessKey ${emulator.key}`, "content-type": "application/json" };
    expect((await fetch(url, { method: "POST", headers, body: JSON.stringify(cloudEvent("1")) })).status).toBe(400);
  });

  // fidelity event-grid: 401, 404, 413 and the sentences beside them
  // fidelity event-grid: namespace topics: 403 for a publish that is too large, 410 for a topic that is not there
  it("are 401 for a wrong key, 410 for a topic and 404 for what else does not exist", async () => {
    const { emulator } = await withNamespace();
    const wrong = { authorization: "SharedAccessKey d3Jvbmc=" };
    expect((await rest(emulator, "/topics/orders:publish", cloudEvent("1"), wrong)).status).toBe(401);
    expect((await rest(emulator, "/topics/others:publish", cloudEvent("1"))).status).toBe(410);
    expect((await rest(emulator, "/elsewhere/topics/orders:publish", cloudEvent("1"))).status).toBe(410);
    expect((await rest(emulator, "/topics/orders/eventsubscriptions/nobody:receive")).status).toBe(404);
    const { body } = await rest(emulator, "/topics/others:publish", cloudEvent("1"));
    expect(body).toMatchObject({ error: { code: "Gone", message: expect.any(String) } });
  });
});

describe("push from a namespace", () => {
  // fidelity event-grid: namespace topics: push to a webhook
  it("delivers CloudEvents to a webhook that agreed", async () => {
    const hook = await webhook();
    const { publish } = await withNamespace({ destination: { endpointType: "WebHook", endpointUrl: hook.url } });
    await publish([cloudEvent("1")]);
    expect(JSON.parse((await hook.next(0)).body)).toEqual(cloudEvent("1"));
    expect(hook.requests[0]?.method).toBe("OPTIONS");
  });
});

// fidelity event-grid: namespace topics: publish and receive
it("gives 2 000 events to 8 receivers, each once", async () => {
  const { publish, receive, settle, state } = await withNamespace();
  for (let batch = 0; batch < 4; batch += 1)
    await publish(Array.from({ length: 500 }, (_, at) => cloudEvent(`${batch}-${at}`)));
  const seen: string[] = [];
  const work = async () => {
    while (seen.length < 2000) {
      const received = await receive("maxEvents=50&maxWaitTime=10");
      seen.push(...received.map(({ event }) => (event as { id: string }).id));
      const { body } = await settle(
        "acknowledge",
        received.map(({ brokerProperties }) => brokerProperties.lockToken),
      );
      expect(body.failedLockTokens).toEqual([]);
    }
  };
  const workers = Array.from({ length: 8 }, work);
  await Promise.race(workers);
  expect(seen).toHaveLength(2000);
  expect(new Set(seen).size).toBe(2000);
  await eventually(() => state().delivered === 2000);
  void Promise.allSettled(workers);
});
