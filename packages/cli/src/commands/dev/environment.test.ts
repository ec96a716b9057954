import { execFileSync } from "node:child_process";
import { parseEnv } from "node:util";
import { expect, it } from "vitest";
import { environmentText, variablesOf } from "./environment.ts";

const variables = variablesOf(
  { eventGrid: { endpoint: "http://127.0.0.1:1", key: "a==" }, kafka: { brokers: ["a:1", "b:2"] } },
  "/a folder/$ca.pem",
);

it("names what is there, and nothing else", () => {
  expect(variables).toEqual({
    EVENT_GRID_ENDPOINT: "http://127.0.0.1:1",
    EVENT_GRID_KEY: "a==",
    KAFKA_BROKERS: "a:1,b:2",
    NODE_EXTRA_CA_CERTS: "/a folder/$ca.pem",
  });
});

it("reads the same in Node and in a shell", () => {
  const text = environmentText(variables);
  expect(parseEnv(text)).toEqual(variables);
  const shell = execFileSync("sh", ["-c", `set -a; ${text}\nprintf %s "$NODE_EXTRA_CA_CERTS $EVENT_GRID_KEY"`]);
  expect(shell.toString()).toBe("/a folder/$ca.pem a==");
});
