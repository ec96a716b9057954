import { expect, it } from "vitest";
import { brokerSchemas } from "./brokers.ts";
import { knownPaths } from "./known-keys.ts";

it("storage-queue has the options that its adapter takes, no more and no fewer", async () => {
  const { storageQueue } = (await import("@waybill/storage-queue" as string)) as {
    storageQueue: (options: object) => unknown;
  };
  let sentence = "";
  try {
    storageQueue({ connectionString: "UseDevelopmentStorage=true", nonsense: 1 });
  } catch (error) {
    sentence = (error as { sentence: string }).sentence;
  }
  const adapters = sentence.slice(sentence.indexOf("there are ") + "there are ".length, -1).split(", ");
  expect(adapters).toContain("connectionString");
  const schema = [...(knownPaths(brokerSchemas["storage-queue"]) ?? [])];
  // The file's own: which adapter, and durations as text.
  const own = schema.filter((key) => key === "adapter" || schema.includes(`${key}Ms`));
  const inFile = schema.filter((key) => !own.includes(key));
  expect([...inFile, "subscriptions"].sort()).toEqual(adapters.sort());
});
