import { expect, it } from "vitest";
import { brokerSchemas } from "./brokers.ts";
import { knownPaths } from "./known-keys.ts";

it.each([
  ["storage-queue", "storageQueue"],
  ["event-grid", "eventGrid"],
  ["event-hubs", "eventHubs"],
])("%s has the options that its adapter takes, no more and no fewer", async (adapter, factory) => {
  const module = (await import(`@waybill/${adapter}`)) as Record<string, (options: object) => unknown>;
  let sentence = "";
  try {
    module[factory]!({ nonsense: 1 });
  } catch (error) {
    sentence = (error as { sentence: string }).sentence;
  }
  const options = sentence.slice(sentence.indexOf("there are ") + "there are ".length, -1).split(", ");
  expect(options).toContain("prefix");
  // What stands inside an option is not in the adapter's own list.
  const schema = [...(knownPaths(brokerSchemas[adapter]) ?? [])].filter((path) => !path.includes("."));
  // The file's own: which adapter, and durations as text.
  const own = schema.filter((key) => key === "adapter" || schema.includes(`${key}Ms`));
  const inFile = schema.filter((key) => !own.includes(key));
  expect([...inFile, "subscriptions"].sort()).toEqual(options.sort());
});
