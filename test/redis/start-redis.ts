import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, launchServer } from "../servers/launch-server.ts";
import { onThePath } from "../servers/on-the-path.ts";
import { Unavailable } from "../servers/unavailable.ts";

export interface RunningRedis {
  readonly url: string;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/**
 * The server of `WAYBILL_TEST_REDIS_URL`; else a Redis of this machine (Debian: `redis-server`) on a free loopback port. It ends with
 * this process, however this process ends. Rejects with `Unavailable` where there is none.
 */
export async function startRedis(): Promise<RunningRedis> {
  const given = process.env.WAYBILL_TEST_REDIS_URL;
  if (given !== undefined && given !== "") return { url: given, stop: async () => undefined };
  const program = onThePath("redis-server", "valkey-server");
  if (program === undefined) {
    throw new Unavailable(
      "No redis-server on the PATH and no WAYBILL_TEST_REDIS_URL: install redis-server (Debian, Ubuntu) or redis (Homebrew).",
    );
  }
  const folder = await mkdtemp(join(tmpdir(), "waybill-redis-"));
  const port = await freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
  const server = await launchServer({ program, args, folder, ready: "Ready to accept connections" });
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      await server.end("SIGTERM");
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
