import type { ServiceBusClient, ServiceBusSender } from "@azure/service-bus";
import { createCall, done, type OutboundMessage, type Outcome, type Sender } from "@waybill/core/spi";
import { MAX_BATCH_BYTES, MAX_HEADER_BYTES, MAX_PROPERTY_BYTES, senderCapabilities } from "./capabilities.ts";
import { classify, failedCall } from "./classify.ts";
import { serviceBusErrors } from "./errors.ts";
import { headersOf, measure, toServiceBus, type Wire } from "./mapping.ts";
import type { Settings } from "./options.ts";
import { toProperties } from "./properties.ts";
import { sessionId } from "./session-id.ts";

/** Room that a message on its way to a handler leaves for the attempt, and the rest that a copy of it carries. */
const BOOKKEEPING_BYTES = 256;

export interface SenderOptions {
  /** Topic or queue. */
  readonly entity: string;
  /** To a subscription's own queue: a copy that carries its bookkeeping already. */
  readonly isOwn: boolean;
  readonly dedupe: boolean;
  readonly settings: Settings;
  readonly connect: () => ServiceBusClient;
  readonly discard: (client: ServiceBusClient) => void;
}

interface Entry {
  readonly index: number;
  readonly message: OutboundMessage;
}

interface Connection {
  readonly client: ServiceBusClient;
  readonly sdk: ServiceBusSender;
}

/** Connects, and throws where the entity is not there. */
export async function openSender(options: SenderOptions): Promise<Sender> {
  const { entity, isOwn, dedupe, settings, connect, discard } = options;
  const wire: Wire = { settings, dedupe };
  const room = isOwn ? 0 : BOOKKEEPING_BYTES;
  const closing = new AbortController();
  const call = createCall(settings.requestTimeoutMs, closing.signal);
  const sizeOf = (message: OutboundMessage) => measure(message, wire) + room;
  let connection: Connection | undefined;

  const connected = (): Connection => {
    if (connection === undefined) {
      const client = connect();
      connection = { client, sdk: client.createSender(entity) };
    }
    return connection;
  };
  /** After a failure of the connection nothing of it is used again: the SDK repairs some, not all. */
  const drop = (failed: Connection) => {
    if (connection !== failed) return;
    connection = undefined;
    discard(failed.client);
  };
  const run = async <T>(
    doing: string,
    signal: AbortSignal | undefined,
    work: (sdk: ServiceBusSender, abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const using = connected();
    try {
      return await call(signal, (abortSignal) => work(using.sdk, abortSignal));
    } catch (error) {
      const kind = classify(error);
      if (kind === "transient" || kind === "unknown") drop(using);
      throw failedCall(doing, entity, error);
    }
  };

  const newBatch = (signal?: AbortSignal) =>
    run("Sending to", signal, async (sdk, abortSignal) => {
      const batch = await sdk.createMessageBatch({ abortSignal });
      // The SDK takes the link's limit for a batch's, which ends at 1 MiB also where single messages may be larger.
      return batch.maxSizeInBytes <= MAX_BATCH_BYTES
        ? batch
        : sdk.createMessageBatch({ abortSignal, maxSizeInBytes: MAX_BATCH_BYTES });
    });

  const linkBytes = await run("Opening", undefined, async (sdk, abortSignal) => {
    const { maxSizeInBytes } = await sdk.createMessageBatch({ abortSignal });
    return maxSizeInBytes;
  }).catch((error: unknown) => {
    if (connection !== undefined) drop(connection);
    throw error;
  });
  const capabilities = senderCapabilities(linkBytes, settings, dedupe);

  const check = (message: OutboundMessage): void => {
    const refuse = (what: string, bytes: number, maxBytes: number) => {
      throw serviceBusErrors.WB_SERVICE_BUS_TOO_LARGE({ id: message.id, what, bytes, maxBytes });
    };
    const bytes = sizeOf(message);
    if (bytes > linkBytes) refuse(`as a whole, for ${entity}`, bytes, linkBytes);
    const header = bytes - (message.body?.byteLength ?? 0);
    if (header > MAX_HEADER_BYTES) refuse("in all but its body", header, MAX_HEADER_BYTES);
    if (header <= MAX_PROPERTY_BYTES) return;
    for (const [name, value] of Object.entries(toProperties(headersOf(message), settings.attributePrefix))) {
      const own = Buffer.byteLength(value);
      if (own > MAX_PROPERTY_BYTES) refuse(`in the property ${JSON.stringify(name)}`, own, MAX_PROPERTY_BYTES);
    }
  };

  /** In order; what follows a failure that passes is not sent, or it would pass what is sent again. */
  const sendInOrder = async (entries: readonly Entry[], outcomes: Outcome[], signal: AbortSignal): Promise<void> => {
    let next = 0;
    /** The service takes a batch as a whole or not at all: those of a refused one go one by one. */
    let aloneUntil = 0;
    while (next < entries.length) {
      let count = 0;
      try {
        const batch = next < aloneUntil ? undefined : await newBatch(signal);
        let until = next;
        // Written here and not earlier: what waits for an answer is to hold on to little.
        while (until < entries.length && batch?.tryAddMessage(toServiceBus(entries[until]!.message, wire))) until++;
        count = Math.max(until - next, 1);
        // Too large for a batch's envelope, which repeats its properties: alone it may fit.
        const payload = batch !== undefined && until > next ? batch : toServiceBus(entries[next]!.message, wire);
        await run("Sending to", signal, (sdk, abortSignal) => sdk.sendMessages(payload, { abortSignal }));
        for (const { index } of entries.slice(next, next + count)) outcomes[index] = done;
        next += count;
      } catch (error) {
        const isTooLarge = count > 0 && classify(error) === "too-large";
        if (isTooLarge && count > 1) {
          aloneUntil = next + count;
          continue;
        }
        const failed = isTooLarge ? entries.slice(next, next + 1) : entries.slice(next);
        for (const { index } of failed) outcomes[index] = { ok: false, error };
        next += failed.length;
      }
    }
  };

  return {
    capabilities,
    measure: sizeOf,
    async send(messages, signal) {
      closing.signal.throwIfAborted();
      const outcomes: Outcome[] = [];
      const bySession = new Map<string | undefined, Entry[]>();
      for (const [index, message] of messages.entries()) {
        try {
          check(message);
          const session = sessionId(message, settings);
          // A batch is for one session: the service takes the first message's for the whole of it where entities are partitioned.
          const group = bySession.get(session);
          if (group === undefined) bySession.set(session, [{ index, message }]);
          else group.push({ index, message });
        } catch (error) {
          outcomes[index] = { ok: false, error };
        }
      }
      await Promise.all([...bySession.values()].map((group) => sendInOrder(group, outcomes, signal)));
      return outcomes;
    },
    async close() {
      closing.abort(serviceBusErrors.WB_SERVICE_BUS_CLOSED({ what: "sender" }));
      if (connection !== undefined) drop(connection);
    },
  };
}
