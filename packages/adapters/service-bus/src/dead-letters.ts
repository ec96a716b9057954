import type { ServiceBusClient, ServiceBusReceivedMessage } from "@azure/service-bus";
import {
  createCall,
  type DeadLetterStore,
  encodeDeadLetter,
  HEADER,
  type Receiver,
  type WireMessage,
} from "@waybill/core/spi";
import Long from "long";
import { receiverCapabilities } from "./capabilities.ts";
import { failedCall } from "./classify.ts";
import { serviceBusErrors } from "./errors.ts";
import { fromServiceBus } from "./mapping.ts";
import { createSdkReceiver } from "./receive-options.ts";
import { openReceiver, type ReceiverOptions } from "./receiver.ts";

/** Of one peek. Source: Service Bus quotas. */
const PEEK = 250;

/** What the broker itself gives up carries only its own two fields. */
const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  MaxDeliveryCountExceeded: "max-deliveries",
  TTLExpiredException: "expired",
  HeaderSizeExceeded: "too-large",
};

export interface DeadLettersOptions extends Omit<ReceiverOptions, "toMessage"> {
  readonly topic: string;
  readonly subscription: string;
}

/**
 * The broker's own dead-letter queue of a subscription. It has no sessions, also where its entity has. Who only looks takes nothing: what comes to a
 * receiver ahead of being asked for is locked, and nobody else could redrive it.
 */
export async function openDeadLetters(options: DeadLettersOptions): Promise<DeadLetterStore> {
  const { place, returnTo, settings, connect, discard } = options;
  const toMessage = (raw: ServiceBusReceivedMessage) => recordOf(raw, options);
  const closing = new AbortController();
  const call = createCall(settings.requestTimeoutMs, closing.signal);
  let client: ServiceBusClient | undefined;
  let opening: Promise<Receiver> | undefined;

  const receiver = (): Promise<Receiver> => {
    if (closing.signal.aborted) throw serviceBusErrors.WB_SERVICE_BUS_CLOSED({ what: "receiver" });
    opening ??= openReceiver({ ...options, toMessage }).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };

  const browse = async (max: number, signal: AbortSignal): Promise<WireMessage[]> => {
    client ??= connect();
    const looker = createSdkReceiver(client, place);
    const found: WireMessage[] = [];
    let from = Long.ONE;
    while (found.length < max) {
      const count = Math.min(PEEK, max - found.length);
      const page = await call(signal, (abortSignal) =>
        looker.peekMessages(count, { fromSequenceNumber: from, abortSignal }),
      );
      const last = page.at(-1)?.sequenceNumber;
      if (last === undefined) break;
      found.push(...page.map(toMessage));
      from = last.add(1);
    }
    return found;
  };

  const look = async (doing: string, max: number, signal: AbortSignal) => {
    try {
      return await browse(max, signal);
    } catch (error) {
      if (client !== undefined) discard(client);
      client = undefined;
      throw failedCall(doing, place.label, error);
    }
  };
  await look("Opening", 1, closing.signal);

  return {
    capabilities: receiverCapabilities(settings.lockMs, { laned: false, dead: true }),
    returnTo,
    browse: (max, signal) => look("Looking into", max, signal),
    receive: async (want, signal) => (await receiver()).receive(want, signal),
    settle: async (settlements, signal) => (await receiver()).settle(settlements, signal),
    renew: async (deliveries, signal) => (await receiver()).renew!(deliveries, signal),
    async close() {
      closing.abort(new DOMException("closed", "AbortError"));
      if (client !== undefined) discard(client);
      client = undefined;
      const open = await opening?.catch(() => undefined);
      await open?.close();
    },
  };
}

function recordOf(raw: ServiceBusReceivedMessage, { topic, subscription }: DeadLettersOptions): WireMessage {
  const message = fromServiceBus(raw);
  const { DeadLetterReason: reason, DeadLetterErrorDescription: description, ...headers } = message.headers;
  const original = { ...message, headers };
  if (headers[HEADER.reason] !== undefined) return original;
  const word = reason === undefined ? "unknown" : String(reason);
  const time = (raw.enqueuedTimeUtc ?? new Date()).toISOString();
  const known = Object.hasOwn(SYSTEM_REASONS, word) ? SYSTEM_REASONS[word]! : word;
  return encodeDeadLetter(
    original,
    {
      reason: known,
      error: [word, description === undefined ? "" : String(description)].filter((part) => part !== "").join(": "),
      attempts: raw.deliveryCount ?? 0,
      topic,
      subscription,
      firstFailure: time,
      time,
    },
    { headers: true, fits: () => true },
  );
}
