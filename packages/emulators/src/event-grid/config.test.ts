import { describe, expect, it } from "vitest";
import { checkNamespaceSubscription, checkSubscription, checkTopicName } from "./config.ts";

const hook = { endpointType: "WebHook", endpointUrl: "https://localhost/hook" } as const;
const basic = (more: object) => () => checkSubscription({ name: "billing", destination: hook, ...more });
const inNamespace = (more: object) => () => checkNamespaceSubscription({ name: "billing", ...more });
const attribute = (name: string, value = "v") => ({
  destination: { ...hook, deliveryAttributeMappings: [{ name, type: "Static", properties: { value } } as const] },
});

// fidelity event-grid: limits of names, attempts, times, batches and delivery attributes
describe("what the service does not create", () => {
  it.each<[what: string, at: () => void, beyond: () => void]>([
    ["a short topic", () => checkTopicName("abc"), () => checkTopicName("ab")],
    ["a long topic", () => checkTopicName("a".repeat(50)), () => checkTopicName("a".repeat(51))],
    ["a long subscription", basic({ name: "a".repeat(64) }), basic({ name: "a".repeat(65) })],
    ["a name of other characters", basic({ name: "bill-ing" }), basic({ name: "bill_ing" })],
    [
      "many attempts",
      basic({ retryPolicy: { maxDeliveryAttempts: 30 } }),
      basic({ retryPolicy: { maxDeliveryAttempts: 31 } }),
    ],
    [
      "no attempt",
      basic({ retryPolicy: { maxDeliveryAttempts: 1 } }),
      basic({ retryPolicy: { maxDeliveryAttempts: 0 } }),
    ],
    [
      "a long time to live",
      basic({ retryPolicy: { eventTimeToLiveInMinutes: 1440 } }),
      basic({ retryPolicy: { eventTimeToLiveInMinutes: 1441 } }),
    ],
    [
      "many events in a batch",
      basic({ destination: { ...hook, maxEventsPerBatch: 5000 } }),
      basic({ destination: { ...hook, maxEventsPerBatch: 5001 } }),
    ],
    [
      "a large batch",
      basic({ destination: { ...hook, preferredBatchSizeInKilobytes: 1024 } }),
      basic({ destination: { ...hook, preferredBatchSizeInKilobytes: 1025 } }),
    ],
    ["a webhook of another protocol", basic({}), basic({ destination: { ...hook, endpointUrl: "ftp://localhost/" } })],
    ["an attribute of the service's own", basic(attribute("x-aeg")), basic(attribute("aeg-x"))],
    ["a long attribute", basic(attribute("x", "v".repeat(4096))), basic(attribute("x", "v".repeat(4097)))],
    [
      "a long lock",
      inNamespace({ receiveLockDurationInSeconds: 300 }),
      inNamespace({ receiveLockDurationInSeconds: 301 }),
    ],
    ["many deliveries", inNamespace({ maxDeliveryCount: 10 }), inNamespace({ maxDeliveryCount: 11 })],
    ["a week and a second", inNamespace({ eventTimeToLive: "P7D" }), inNamespace({ eventTimeToLive: "P7DT1S" })],
    ["less than a minute", inNamespace({ eventTimeToLive: "PT1M" }), inNamespace({ eventTimeToLive: "PT59S" })],
    ["no duration", inNamespace({ eventTimeToLive: "P1DT1H" }), inNamespace({ eventTimeToLive: "1 day" })],
  ])("%s", (_what, at, beyond) => {
    expect(at).not.toThrow();
    expect(beyond).toThrow(expect.objectContaining({ status: 400 }));
  });
});
