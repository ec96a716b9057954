import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { JournalFile } from "./journal-file.ts";

const SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY);";

function open() {
  const folder = mkdtempSync(join(tmpdir(), "waybill-journal-"));
  const file = new JournalFile(folder, "x.db", SCHEMA);
  onTestFinished(() => {
    file.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const insert = file.prepare("INSERT INTO t VALUES (?)");
  const put = (n: number) => file.write(() => insert.run(n));
  const count = () => Number(file.prepare("SELECT count(*) AS n FROM t").get()?.n);
  return { folder, file, put, count };
}

it("makes the changes of a tick last together, also when nobody asks", async () => {
  const { file, put, count } = open();
  put(1);
  put(2);
  expect(file.database.isTransaction).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(file.database.isTransaction).toBe(false);
  expect(count()).toBe(2);
});

it("lets nobody hear a good answer after a change that could not be written", async () => {
  const { file, put } = open();
  put(1);
  file.commit();
  put(1);
  expect(() => file.commit()).toThrow(/UNIQUE/);
  put(2);
  expect(() => file.commit()).toThrow(/UNIQUE/);
  // Nor does it bring the process down when nobody asks.
  await new Promise((resolve) => setImmediate(resolve));
});

it("is not read by two at a time", () => {
  const { folder, file } = open();
  expect(() => new JournalFile(folder, "x.db", SCHEMA)).toThrow(/x\.db cannot be used: .*locked/);
  file.close();
  new JournalFile(folder, "x.db", SCHEMA).close();
});
