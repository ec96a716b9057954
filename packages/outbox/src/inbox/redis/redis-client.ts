import { outboxErrors } from "../../outbox-errors.ts";

/** A connected client of `redis` (node-redis): `createClient({ url })`. */
export interface NodeRedisClient {
  sendCommand(args: readonly string[]): Promise<unknown>;
}

/** A client of `ioredis`: `new Redis(url)`, or its `Cluster`. */
export interface IoredisClient {
  call(command: string, ...args: string[]): Promise<unknown>;
}

export type RedisClient = NodeRedisClient | IoredisClient;

/** Runs a script on one key. Its answer is a text, whatever the client has been told to make of texts and numbers. */
export type RunScript = (script: string, key: string, ...args: readonly (string | number)[]) => Promise<string>;

/** Throws WB_OUTBOX_OPTION for what is neither of both. */
export function scriptRunner(client: RedisClient): RunScript {
  const { call, sendCommand } = (client ?? {}) as Partial<NodeRedisClient & IoredisClient>;
  // ioredis has a `sendCommand` too, which takes something else.
  if (typeof call === "function") {
    return async (script, key, ...args) =>
      String(await call.call(client, "EVAL", script, "1", key, ...args.map(String)));
  }
  if (typeof sendCommand === "function") {
    return async (script, key, ...args) =>
      String(await sendCommand.call(client, ["EVAL", script, "1", key, ...args.map(String)]));
  }
  throw outboxErrors.WB_OUTBOX_OPTION({ option: "client", problem: "must be a client of redis or of ioredis" });
}
