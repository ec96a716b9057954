import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isWaybillError } from "@waybill/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually, Recorder } from "../../conformance/recorder.ts";
import { createOutbox } from "../../outbox.ts";
import { createRelay, type Relay } from "../../relay/relay.ts";
import type { Store } from "../../store.ts";
import { sqlite } from "./index.ts";

let folder: string;
let path: string;
let store: Store<DatabaseSync>;
let relay: Relay;
let recorder: Recorder;
let troubles: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "waybill-faults-"));
  path = join(folder, "store.db");
  store = sqlite({ path });
  recorder = new Recorder();
  troubles = [];
  relay = createRelay({
    store,
    publisher: recorder,
    leaseMs: 1_000,
    observer: { trouble: ({ error }) => troubles.push(isWaybillError(error) ? error.code : String(error)) },
  });
  await relay.start();
});

afterEach(async () => {
  await relay.close();
  await store.close();
  await rm(folder, { recursive: true });
});

const write = (data: unknown) =>
  createOutbox({ store, source: "/s" }).transaction((tx) =>
    createOutbox({ store, source: "/s" }).publishRaw(tx, "notes", {
      specversion: "1.0",
      id: String(data).slice(0, 20),
      source: "/s",
      type: "t",
      partitionkey: "k",
      data,
    }),
  );

/** As another process would do it. */
function elsewhere(sql: string): void {
  const db = new DatabaseSync(path, { timeout: 5_000 });
  db.exec(sql);
  db.close();
}

test("a table that is gone is said, to the writer and by the relay; work goes on once it is back", async () => {
  await write(0);
  await eventually(async () => (await store.counts()).waiting === 0 && recorder.data.length === 1);
  elsewhere("ALTER TABLE outbox RENAME TO gone");
  await expect(write(1)).rejects.toMatchObject({ code: "WB_STORE_TABLE_MISSING" });
  await eventually(() => troubles.includes("WB_STORE_TABLE_MISSING"));
  elsewhere("ALTER TABLE gone RENAME TO outbox");
  await write(1);
  await recorder.count(2);
  expect(recorder.data).toEqual([0, 1]);
});

test("a file that is gone takes no writes that would be gone with it; work goes on once it is back", async () => {
  await write(0);
  await recorder.count(1);
  await rename(path, `${path}.moved`);
  await expect(write(1)).rejects.toMatchObject({ code: "WB_STORE_FILE_GONE" });
  await eventually(() => troubles.includes("WB_STORE_FILE_GONE"));
  await rename(`${path}.moved`, path);
  await write(2);
  await recorder.count(2);
  expect(recorder.data).toEqual([0, 2]);
});

test("a full disk undoes what is being written and nothing else; relay and writers go on when there is room", async () => {
  await write(0);
  await recorder.count(1);
  const pages = await store.transaction((tx) => {
    const { page_count } = tx.prepare("PRAGMA page_count").get() as { page_count: number };
    tx.exec(`PRAGMA max_page_count = ${page_count + 2}`);
    return page_count;
  });
  await expect(write("x".repeat(100_000))).rejects.toMatchObject({ code: "WB_STORE_DISK" });
  await write("small");
  await recorder.count(2);
  await eventually(async () => (await store.counts()).waiting === 0);
  await store.transaction((tx) => tx.exec(`PRAGMA max_page_count = ${pages + 1_000}`));
  await write("y".repeat(100_000));
  await recorder.count(3);
  expect(recorder.data.map((data) => String(data).slice(0, 5))).toEqual(["0", "small", "yyyyy"]);
});
