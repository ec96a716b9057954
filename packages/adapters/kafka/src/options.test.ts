import { expect, it } from "vitest";
import { checkOptions, type KafkaOptions } from "./options.ts";

const SECRET = "hunter2-secret";

it.each<[string, unknown]>([
  ["brokers", {}],
  ["brokers", { brokers: [] }],
  ["brokers[0]", { brokers: ["localhost"] }],
  ["brokers[1]", { brokers: ["a:1", `kafka://u:${SECRET}@host:9092`] }],
  ["brokrs", { brokrs: ["a:1"] }],
  ["__proto__", JSON.parse('{"brokers":["a:1"],"__proto__":1}')],
  ["engine", { brokers: ["a:1"], engine: "rdkafka" }],
  ["compression", { brokers: ["a:1"], compression: "lz4" }],
  ["sasl.mechanism", { brokers: ["a:1"], sasl: { mechanism: "gssapi" } }],
  ["sasl.username", { brokers: ["a:1"], sasl: { mechanism: "plain", password: SECRET } }],
  ["sasl.token", { brokers: ["a:1"], sasl: { mechanism: "oauthbearer", token: SECRET } }],
  ["ssl", { brokers: ["a:1"], ssl: { cert: "c" } }],
  ["partitions", { brokers: ["a:1"], partitions: 0 }],
  ["sessionTimeoutMs", { brokers: ["a:1"], sessionTimeoutMs: 10 }],
  ["heartbeatIntervalMs", { brokers: ["a:1"], sessionTimeoutMs: 3_000, heartbeatIntervalMs: 2_000 }],
  ["eventHubs.connectionString", { eventHubs: { connectionString: `SharedAccessKey=${SECRET}` } }],
  ["sasl", { eventHubs: { connectionString: "x" }, sasl: { mechanism: "plain", username: "u", password: SECRET } }],
])("refuses %s without repeating a secret", (option, options) => {
  const checking = () => checkOptions(options as KafkaOptions);
  expect(checking).toThrow(`the option ${option} `);
  expect(checking).not.toThrow(SECRET);
});

it("takes brokers as a list or as one text", () => {
  expect(checkOptions({ brokers: "a:1, b:2" }).brokers).toEqual(["a:1", "b:2"]);
  expect(checkOptions({ brokers: ["[::1]:9092"] }).brokers).toEqual(["[::1]:9092"]);
});

it("makes a namespace of Event Hubs a Kafka cluster", () => {
  const connectionString = "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=all;SharedAccessKey=a2V5=";
  expect(checkOptions({ eventHubs: { connectionString }, requestTimeoutMs: 20_000 })).toMatchObject({
    brokers: ["shop.servicebus.windows.net:9093"],
    ssl: true,
    sasl: { mechanism: "plain", username: "$ConnectionString", password: connectionString },
    createTopics: false,
    idempotent: false,
    requestTimeoutMs: 20_000,
    maxMessageBytes: 1_000_000,
  });
  const elsewhere = connectionString.replace("windows.net/", "windows.net:9999");
  expect(checkOptions({ eventHubs: { connectionString: elsewhere } }).brokers).toEqual([
    "shop.servicebus.windows.net:9999",
  ]);
  expect(checkOptions({ eventHubs: { connectionString }, compression: "gzip", idempotent: true })).toMatchObject({
    compression: "gzip",
    idempotent: true,
  });
  for (const [option, value] of [
    ["compression", "zstd"],
    ["sessionTimeoutMs", 5_999],
    ["sessionTimeoutMs", 300_001],
    ["requestTimeoutMs", 19_999],
    ["ssl", true],
    ["brokers", "a:1"],
  ]) {
    const options = { eventHubs: { connectionString }, [option as string]: value } as KafkaOptions;
    expect(() => checkOptions(options)).toThrow(`the option ${option} `);
  }
});
