import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadConfig } from "./load-config.ts";
import { openBus } from "./open-bus.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-topology-"));
  writeFileSync(
    join(folder, "queues.ts"),
    `export const log = [];
     const exists = new Set();
     export default ({ has = [], refuses }) => {
       for (const name of has) exists.add(name);
       return {
         name: "queues",
         close: async () => void log.push("close"),
         topology: {
           plan: async ({ prune }) => {
             log.push("plan" + (prune ? " prune" : ""));
             const steps = ["a", "b"].filter((name) => !exists.has(name)).map((name) => ({
               action: "create", entity: "queue", name, detail: "For a test.",
               apply: async () => { log.push("create " + name); exists.add(name); },
             }));
             return refuses ? [...steps, { action: "refuse", entity: "queue", name: "c", detail: "No." }] : steps;
           },
         },
       };
     };`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
/** A config whose adapter begins afresh: a module is loaded once for each file name. */
async function setUp(options: string, mode = "") {
  const copy = `queues${++files}.ts`;

  copyFileSync(join(folder, "queues.ts"), join(folder, copy));
  const file = join(folder, `c${files}.yaml`);
  writeFileSync(file, `source: /s\n${mode}\nbroker: { adapter: ./${copy}${options} }`);
  const { log } = (await import(join(folder, copy))) as { log: string[] };
  return { loaded: await loadConfig({ file, env: {} }), log };
}

it("leaves the brokers alone unless told otherwise", async () => {
  const { loaded, log } = await setUp("");
  await (await openBus({ loaded })).close();
  expect(log).toEqual(["close"]);
});

it("applies what is missing and deletes nothing; the option wins over the file", async () => {
  const { loaded, log } = await setUp(", has: [b]", "topology: verify");
  await (await openBus({ loaded, topology: "apply" })).close();
  expect(log).toEqual(["plan", "create a", "close"]);
});

it("verifies: refuses to open, names what is missing, and leaves nothing open", async () => {
  const { loaded, log } = await setUp("", "topology: verify");
  await expect(openBus({ loaded })).rejects.toMatchObject({
    code: "WB_TOPOLOGY_MISSING",
    sentence: expect.stringContaining("create queue a (main), create queue b (main)"),
  });
  expect(log).toEqual(["plan", "close"]);
});

it("verifies: says where to find how to make what nobody here can make", async () => {
  const { loaded } = await setUp(", refuses: true", "topology: verify");
  await expect(openBus({ loaded })).rejects.toMatchObject({
    code: "WB_TOPOLOGY_MISSING",
    sentence: expect.stringContaining("create queue b (main), by hand queue c (main)"),
    hint: expect.stringMatching(/by hand.*Event Hubs.*Event Grid.*`waybill topology plan` prints the az command/),
  });
});

it("says what it could not make right, after it has made the rest", async () => {
  const { loaded, log } = await setUp(", refuses: true", "topology: apply");
  await expect(openBus({ loaded })).rejects.toMatchObject({
    code: "WB_TOPOLOGY_REFUSED",
    sentence:
      "The brokers differ from the configuration in what an operator must make or change: by hand queue c (main).",
  });
  expect(log).toEqual(["plan", "create a", "create b", "close"]);
});

it("refuses a mode that does not exist", async () => {
  await expect(setUp("", "topology: sometimes")).rejects.toMatchObject({
    sentence: expect.stringContaining("topology must be one of leave, verify, apply"),
  });
});

it("refuses a mode that does not exist in code too, and asks no broker", async () => {
  const { loaded, log } = await setUp("");
  await expect(openBus({ loaded, topology: "off" as "leave" })).rejects.toMatchObject({
    code: "WB_TOPOLOGY_MODE",
    sentence: expect.stringContaining("leave, verify, apply"),
  });
  expect(log).toEqual([]);
});
