import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { defineEvent, defineTopic } from "@waybill/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../conformance/recorder.ts";
import { createOutbox } from "../../outbox.ts";
import type { Store } from "../../store.ts";
import { sqlite } from "./index.ts";

const noted = defineEvent("test.noted");
const notes = defineTopic("notes", [noted]);

/** For so long a third process keeps the others out: a loop that waits inside SQLite stands still as long, and one of a busy machine does not. */
const HELD_MS = 3_000;
const fixture = fileURLToPath(new URL("./processes.fixture.ts", import.meta.url));

let folder: string;
let path: string;
let store: Store<DatabaseSync>;
const children: ChildProcess[] = [];

function start(role: string, name: string, count = 0): { child: ChildProcess; output: Promise<string> } {
  const child = spawn(process.execPath, ["--conditions=waybill-source", fixture, role, path, name, `${count}`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let text = "";
  let errors = "";
  child.stdout!.on("data", (chunk) => (text += chunk));
  child.stderr!.on("data", (chunk) => (errors += chunk));
  const output = once(child, "close").then(([code]) => {
    if (code !== 0 && child.signalCode === null) throw new Error(errors);
    return text;
  });
  output.catch(() => undefined);
  return { child, output };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "waybill-processes-"));
  path = join(folder, "store.db");
  store = sqlite({ path });
  await store.open();
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "close");
  }
  await store.close();
  await rm(folder, { recursive: true });
});

test("two processes with 16 handlers each share a file: none is locked out, no event loop stands still", async () => {
  await store.transaction((db) =>
    db.exec("CREATE TABLE effect (name TEXT, n INTEGER); INSERT INTO effect VALUES ('a', 0), ('b', 0)"),
  );
  let both: readonly ReturnType<typeof start>[] = [];
  await store.transaction(async () => {
    both = ["a", "b"].map((name) => start("handlers", name, 200));
    await Promise.all(both.map(({ child }) => once(child.stdout!, "data")));
    await new Promise((resolve) => setTimeout(resolve, HELD_MS));
  });
  for (const output of await Promise.all(both.map((one) => one.output)))
    expect(JSON.parse(output.slice("begun\n".length)).maxDelayMs).toBeLessThan((HELD_MS * 2) / 3);
  const effects = await store.transaction((db) =>
    db
      .prepare("SELECT n FROM effect")
      .all()
      .map(({ n }) => n),
  );
  expect(effects).toEqual([200, 200]);
  expect(await store.counts()).toMatchObject({ waiting: 400 });
}, 60_000);

test("relays killed again and again lose nothing, and first appearances are in order", async () => {
  const outbox = createOutbox({ store, source: "/test" });
  const log = join(folder, "log");
  const lines = () => (existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : []);
  const total = 1_200;
  let written = 0;
  const write = async (n: number) => {
    for (let i = 0; i < n; i += 10, written += 10) {
      await outbox.transaction((tx) =>
        outbox.publish(
          tx,
          notes,
          Array.from({ length: 10 }, (_, j) => noted(written + j, { key: `k${j}` })),
        ),
      );
    }
  };
  for (let round = 1; round <= 3; round++) {
    const { child, output } = start("relay", log);
    const before = lines().length;
    await write(total / 4);
    await eventually(() => lines().length > before + 50);
    child.kill("SIGKILL");
    await output;
  }
  await write(total / 4);
  start("relay", log);
  await eventually(async () => (await store.counts()).waiting === 0);

  const seen = new Set<string>();
  const last = new Map<string, number>();
  for (const line of lines()) {
    const [id = "", key = "", data = ""] = line.split(" ");
    if (seen.has(id)) continue;
    seen.add(id);
    expect(Number(data)).toBeGreaterThan(last.get(key) ?? -1);
    last.set(key, Number(data));
  }
  expect(seen.size).toBe(total);
}, 60_000);
