import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import { type Azurite, startAzurite } from "./azurite.ts";

let started: Azurite | undefined;
afterEach(() => started?.stop());

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Of the service itself: without a signature it can only be a refusal. */
const answer = async (endpoint: string | undefined) => {
  const response = await fetch(`${endpoint}?comp=list`);
  await response.arrayBuffer();
  return response.headers.get("server");
};

it("serves queues alone, until it is stopped", async () => {
  started = await startAzurite();
  expect(started.queueEndpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/devstoreaccount1$/);
  expect(started.connectionString).toContain(`QueueEndpoint=${started.queueEndpoint};`);
  expect(started.connectionString).not.toContain("BlobEndpoint");
  expect(started.blobEndpoint).toBeUndefined();
  expect(await answer(started.queueEndpoint)).toMatch(/Azurite-Queue/);
  expect(isAlive(started.pid)).toBe(true);
  await Promise.all([started.stop(), started.stop()]);
  expect(isAlive(started.pid)).toBe(false);
  await expect(answer(started.queueEndpoint)).rejects.toThrow();
});

it("serves blobs beside them on request", async () => {
  started = await startAzurite({ blobs: true });
  expect(await answer(started.queueEndpoint)).toMatch(/Azurite-Queue/);
  expect(await answer(started.blobEndpoint)).toMatch(/Azurite-Blob/);
  expect(started.connectionString).toContain(`BlobEndpoint=${started.blobEndpoint};`);
});

it("refuses to start nothing, and says what went wrong", async () => {
  await expect(startAzurite({ queues: false })).rejects.toThrow("queues or blobs");
  await expect(startAzurite({ dataDir: "/dev/null/nowhere" })).rejects.toThrow("/dev/null");
});

it("ends with its parent, even one that is killed", async () => {
  const script = `const { startAzurite } = await import(${JSON.stringify(new URL("./azurite.ts", import.meta.url).href)});
    console.log((await startAzurite()).pid); setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [printed] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(printed.toString());
  expect(isAlive(pid)).toBe(true);
  parent.kill("SIGKILL");
  await once(parent, "exit");
  await expect.poll(() => isAlive(pid)).toBe(false);
});

it("is no reason for its parent to stay", async () => {
  const script = `const { startAzurite } = await import(${JSON.stringify(new URL("./azurite.ts", import.meta.url).href)});
    console.log((await startAzurite()).pid);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const printed = once(parent.stdout, "data") as Promise<[Buffer]>;
  const [code] = await once(parent, "exit");
  expect(code).toBe(0);
  const pid = Number((await printed)[0].toString());
  await expect.poll(() => isAlive(pid)).toBe(false);
});
