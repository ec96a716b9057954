import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { createClock } from "../../clock.ts";
import { FaultPlan } from "../fault-plan.ts";
import { NO_JOURNAL } from "../journal.ts";
import { WebhookCaller } from "../push/webhook-call.ts";
import { createTiming } from "../timing.ts";
import { Topics } from "../topics.ts";
import { openHttpDoor } from "./http-door.ts";

// fidelity event-grid: durability: what waits over a restart and a kill, with `dataDir`
it("says no to what cannot be written", async () => {
  const clock = createClock();
  const caller = new WebhookCaller(clock);
  const timing = createTiming(clock, 1);
  const topics = new Topics(
    { timing, caller, destinations: {}, deadLetters: {}, neighbours: undefined, journal: NO_JOURNAL },
    () => "",
  );
  topics.createTopic("orders");
  const server = openHttpDoor({
    topics,
    faults: new FaultPlan(),
    keys: ["a2V5"],
    clock,
    commit: () => {
      throw new Error("The disk is full.");
    },
    headersTimeoutMs: 1000,
    requestTimeoutMs: 1000,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    caller.close();
    clock.stop();
    server.closeAllConnections();
    server.close();
  });
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/orders/api/events`, {
    method: "POST",
    headers: { "aeg-sas-key": "a2V5", "content-type": "application/cloudevents+json" },
    body: JSON.stringify({ specversion: "1.0", id: "1", source: "/s", type: "t" }),
  });
  expect(answer.status).toBe(500);
});
