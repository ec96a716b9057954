import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createOutbox } from "@waybill/outbox";
import { eventually } from "@waybill/outbox/conformance";
import { postgres } from "@waybill/outbox/postgres";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { testPostgres } from "../postgres/test-postgres.ts";

const server = await testPostgres("outbox on PostgreSQL: relays that are killed and frozen");
afterAll(() => server?.stop());

const FIXTURE = fileURLToPath(new URL("./outbox-postgres-zombie.fixture.ts", import.meta.url));
const KEYS = 10;

const children: ChildProcess[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

describe.skipIf(!server).each(["polling", "cdc"] as const)("relays of other processes, %s", (mode) => {
  test("one is killed, one is frozen past its lease and wakes up: nothing lost, first arrivals in order", async () => {
    const connectionString = await server!.database();
    const folder = await mkdtemp(join(tmpdir(), "waybill-zombie-"));
    folders.push(folder);
    const log = join(folder, "log");
    const lines = () => (existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : []);
    const store = postgres({ connectionString });
    await store.open();
    const outbox = createOutbox({ store, source: "/zombie" });
    let written = 0;
    const write = async (rounds: number) => {
      for (let i = 0; i < rounds; i++) {
        const round = written++;
        await outbox.transaction((tx) =>
          outbox.publishRaw(
            tx,
            "notes",
            Array.from({ length: KEYS }, (_, k) => ({
              specversion: "1.0" as const,
              id: `${round}-${k}`,
              source: "/zombie",
              type: "t",
              partitionkey: `k${k}`,
              data: round,
            })),
          ),
        );
      }
    };
    const start = () => {
      const child = spawn(process.execPath, ["--conditions=waybill-source", FIXTURE, connectionString, mode, log], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      children.push(child);
      return child;
    };
    const arrive = async () => {
      const before = lines().length;
      await write(30);
      await eventually(() => lines().length > before + 50);
    };

    const frozen = start();
    await arrive();
    frozen.kill("SIGSTOP");
    const killed = start();
    // The heir has to wait for the end of the lease.
    await arrive();
    killed.kill("SIGKILL");
    frozen.kill("SIGCONT");
    await arrive();
    start();
    await write(30);
    await eventually(async () => (await store.counts()).waiting === 0);
    await store.close();

    const seen = new Set<string>();
    const last = new Map<string, number>();
    for (const line of lines()) {
      const [id = "", key = "", data = ""] = line.split(" ");
      if (seen.has(id)) continue;
      seen.add(id);
      expect(Number(data)).toBeGreaterThan(last.get(key) ?? -1);
      last.set(key, Number(data));
    }
    expect(seen.size).toBe(written * KEYS);
  });
});
