import { eventGrid } from "@waybill/event-grid";
import { describe, expect, it, onTestFinished } from "vitest";
import { open } from "./emulator-event-grid.fixture.ts";
import { message, namespace, raw, receiveAll, source } from "./event-grid-adapter.fixture.ts";
import { never } from "./sender-and-receiver.fixture.ts";

describe("publish", () => {
  it("one event that the service refuses fails alone, whatever else is in the request", async () => {
    const { adapter, emulator } = await namespace();
    const sender = await adapter.openSender("orders");
    const bad = Buffer.from(JSON.stringify({ ...raw("bad", 1), time: "yesterday" }));
    const messages = Array.from({ length: 50 }, (_, index) => message(raw(`e-${index}`, index)));
    messages.splice(17, 0, { id: "bad", body: bad, headers: {} });
    const outcomes = await sender.send(messages, never);
    expect(outcomes.map(({ ok }) => ok)).toEqual(messages.map(({ id }) => id !== "bad"));
    expect(adapter.classify((outcomes[17] as { error: unknown }).error)).toBe("invalid");
    expect(emulator.control.state("shop/orders", "billing").events).toHaveLength(50);
  });

  it("keeps within 1 MB a request, however much it is handed", async () => {
    const { adapter, emulator } = await namespace();
    const sender = await adapter.openSender("orders");
    const messages = Array.from({ length: 30 }, (_, index) => message(raw(`e-${index}`, "x".repeat(200_000))));
    expect((await sender.send(messages, never)).every(({ ok }) => ok)).toBe(true);
    expect(emulator.control.state("shop/orders", "billing").events).toHaveLength(30);
  });

  it("two documents in one body are one message, not two events", async () => {
    const { adapter, emulator } = await namespace();
    const sender = await adapter.openSender("orders");
    const text = JSON.stringify(raw("smuggled", 1));
    const [outcome] = await sender.send([{ id: "m", body: Buffer.from(`${text},${text}`), headers: {} }], never);
    expect(outcome?.ok).toBe(true);
    expect(emulator.control.state("shop/orders", "billing").events).toHaveLength(1);
  });

  it("refuses to write dead letters where nobody could read them", async () => {
    const emulator = await open({ namespaces: [{ name: "shop", topics: [{ name: "orders--billing--dead" }] }] });
    const adapter = eventGrid({ endpoint: emulator.endpoint, key: emulator.key });
    const opening = adapter.openSender("orders/billing/dead");
    await expect(opening).rejects.toMatchObject({ code: "WB_EVENT_GRID_CALL" });
    expect(adapter.classify(await opening.catch((error: unknown) => error))).toBe("not-found");
  });
});

describe("topology", () => {
  it("names what is missing and the command that makes it, where no management client is handed in", async () => {
    const emulator = await open({
      namespaces: [{ name: "shop", topics: [{ name: "dev--orders", subscriptions: [{ name: "billing" }] }] }],
    });
    const adapter = eventGrid({
      endpoint: emulator.endpoint,
      key: emulator.key,
      prefix: "dev",
      subscriptions: { orders: ["billing", "mail"] },
    });
    const steps = await adapter.topology!.plan({ prune: false, signal: never });
    expect(steps.every(({ action, apply }) => action === "refuse" && apply === undefined)).toBe(true);
    expect(steps.map(({ name }) => name)).not.toContain("dev--orders/billing");
    expect(steps.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["dev--orders/mail", "dev--orders--billing--dead/billing"]),
    );
    const mail = steps.find(({ name }) => name === "dev--orders/mail")!;
    expect(mail.detail).toMatch(
      /az eventgrid namespace topic event-subscription create .*--topic-name dev--orders --name mail /,
    );
    expect(mail.detail).toMatch(/receiveLockDurationInSeconds:60/);
    const pushing = eventGrid({
      endpoint: emulator.endpoint,
      key: emulator.key,
      subscriptions: { orders: ["mail"] },
      webhook: { anonymous: true },
      pushed: ["orders/mail"],
    });
    const pushed = await pushing.topology!.plan({ prune: false, signal: never });
    expect(pushed.find(({ name }) => name === "orders/mail")).toMatchObject({
      action: "refuse",
      detail: expect.stringContaining("deliveryMode:Push"),
    });
    // A webhook has nothing of its own to read: what is redriven could not reach it alone.
    expect(pushed.map(({ name }) => name)).not.toContain("orders--mail/mail");
  });
});

it("signs in with a token of Entra ID, at a namespace and at a custom topic, and over TLS only", async () => {
  const topics = [{ name: "orders", subscriptions: [{ name: "billing" }] }];
  const emulator = await open({ tls: true, topics: ["invoices"], namespaces: [{ name: "shop", topics }] });
  const endpoint = emulator.secureEndpoint!;
  const scopes: unknown[] = [];
  const credential = {
    getToken: async (scope: unknown) => {
      scopes.push(scope);
      return { token: "a-token-of-entra", expiresOnTimestamp: Date.now() + 3_600_000 };
    },
  };
  const client = { tlsOptions: { ca: emulator.certificate! } };
  const pulling = eventGrid({ endpoint, credential, client });
  const pushing = eventGrid({
    kind: "custom",
    credential,
    client,
    topics: { invoices: { endpoint: `${endpoint}/invoices/api/events` } },
  });
  onTestFinished(async () => {
    await pulling.close();
    await pushing.close();
  });
  for (const sender of [await pulling.openSender("orders"), await pushing.openSender("invoices")]) {
    expect(await sender.send([message(raw("1", 1))], never)).toMatchObject([{ ok: true }]);
  }
  const receiver = await pulling.openReceiver(source);
  expect(await receiveAll(receiver, 1)).toHaveLength(1);
  expect(new Set(scopes.flat())).toEqual(new Set(["https://eventgrid.azure.net/.default"]));
  // Kept until it is about to expire: one for each client.
  expect(scopes).toHaveLength(2);
  const failing = {
    getToken: async () =>
      Promise.reject(Object.assign(new Error("no identity here"), { name: "CredentialUnavailableError" })),
  };
  const refused = await (await eventGrid({ endpoint, credential: failing, client }).openSender("orders")).send(
    [message(raw("2", 1))],
    never,
  );
  expect(pulling.classify((refused[0] as { error: unknown }).error)).toBe("unauthorized");
});
