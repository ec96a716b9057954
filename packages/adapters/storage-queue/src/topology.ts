import { createHash } from "node:crypto";
import type { QueueServiceClient } from "@azure/storage-queue";
import { type Call, counted, deadTopic, ownTopic, type Topology, type TopologyStep } from "@waybill/core/spi";
import { classify, failedCall } from "./classify.ts";
import type { Settings } from "./options.ts";
import { DEAD_SUFFIX, type QueueNames } from "./queue-names.ts";

/** The queue of each declared subscription, and the one of its dead letters. A queue has no settings that could differ. */
export function createTopology(
  service: QueueServiceClient,
  names: QueueNames,
  call: Call,
  settings: Pick<Settings, "subscriptions" | "prefix">,
): Topology {
  const create = (queue: string, logical: string): TopologyStep => ({
    action: "create",
    entity: "queue",
    name: queue,
    detail: logical.endsWith("/dead")
      ? `For the dead letters of ${logical.slice(0, -"/dead".length)}.`
      : `For the subscription ${logical}.`,
    async apply(signal) {
      try {
        await call(signal, (abortSignal) => service.getQueueClient(queue).createIfNotExists({ abortSignal }));
      } catch (error) {
        throw failedCall("Creating", queue, error);
      }
    },
  });

  const remove = (queue: string, messages: number): TopologyStep => ({
    action: "delete",
    entity: "queue",
    name: queue,
    detail: `Nothing declares it. ${messages === 0 ? "It is empty." : `It holds about ${counted(messages, "message")}, to be deleted with it.`}`,
    async apply(signal) {
      try {
        await call(signal, (abortSignal) => service.getQueueClient(queue).deleteIfExists({ abortSignal }));
      } catch (error) {
        throw failedCall("Deleting", queue, error);
      }
    },
  });

  const exists = async (queue: string, signal: AbortSignal) => {
    try {
      return await call(signal, (abortSignal) => service.getQueueClient(queue).exists({ abortSignal }));
    } catch (error) {
      throw failedCall("Looking for", queue, error);
    }
  };

  const messagesIn = async (queue: string, signal: AbortSignal): Promise<number | undefined> => {
    try {
      const found = await call(signal, (abortSignal) => service.getQueueClient(queue).getProperties({ abortSignal }));
      return found.approximateMessagesCount ?? 0;
    } catch (error) {
      if (classify(error) === "not-found") return undefined;
      throw failedCall("Counting", queue, error);
    }
  };

  const allQueues = async (signal: AbortSignal): Promise<string[]> => {
    const found: string[] = [];
    try {
      await call(signal, async (abortSignal) => {
        const { prefix } = settings;
        const only = prefix === undefined ? {} : { prefix: `${prefix}-` };
        for await (const { name } of service.listQueues({ ...only, abortSignal })) found.push(name);
      });
      return found;
    } catch (error) {
      throw failedCall("Listing", "service", error);
    }
  };

  return {
    async plan({ prune, signal }) {
      const logicals = [...settings.subscriptions].flatMap(([topic, list]) =>
        list.flatMap((name) => [ownTopic(topic, name), deadTopic(topic, name)]),
      );
      const steps = await Promise.all(
        logicals.map(async (logical) => {
          const queue = names(logical);
          return (await exists(queue, signal)) ? undefined : create(queue, logical);
        }),
      );
      const missing = steps.filter((step) => step !== undefined);
      if (!prune) return missing;
      const declared = new Set(logicals.map(names));
      const strays = (await allQueues(signal)).filter((name) => !declared.has(name) && isOurs(name, settings.prefix));
      const deletes = await Promise.all(
        strays.map(async (name) => {
          const messages = await messagesIn(name, signal);
          return messages === undefined ? undefined : remove(name, messages);
        }),
      );
      return [...missing, ...deletes.filter((step) => step !== undefined)];
    },
  };
}

/**
 * Whether a queue's name was made by this adapter under this prefix. The hash at its end proves it: it is that of the logical name, which
 * the rest of the name allows to guess. A queue that somebody named by hand is never taken for ours.
 */
function isOurs(queue: string, prefix: string | undefined): boolean {
  const name = queue.endsWith(DEAD_SUFFIX) ? queue.slice(0, -DEAD_SUFFIX.length) : queue;
  const match = /^(.+)-([0-9a-f]{6})$/.exec(name);
  if (match === null) return false;
  const [, joined = "", hash] = match;
  const start = prefix === undefined ? "" : `${prefix}-`;
  if (!joined.startsWith(start)) return false;
  const words = joined.slice(start.length).split("-");
  return words.slice(1).some((_, index) => {
    const parts = [words.slice(0, index + 1).join("-"), words.slice(index + 1).join("-")];
    const logical = [...(prefix === undefined ? [] : [prefix]), ...parts].join("/");
    return createHash("sha256")
      .update(logical)
      .digest("hex")
      .startsWith(hash as string);
  });
}
