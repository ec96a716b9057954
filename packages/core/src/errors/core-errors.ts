import { counted } from "./counted.ts";
import { defineErrors } from "./define-errors.ts";

/** Every error that core raises. `docs/errors.md` lists the same codes; a test keeps both equal. */
export const coreErrors = defineErrors({
  WB_NAME_INVALID: {
    sentence: (p: { what: string; name: string }) => `${JSON.stringify(p.name)} is not a ${p.what} name.`,
    hint: "Use lower-case letters and digits in groups joined by single hyphens, at most 50 characters: orders, order-events.",
  },
  WB_NAME_TOO_LONG: {
    sentence: (p: { entity: string; logical: string; physical: string; maxLength: number }) =>
      `The ${p.entity} name ${JSON.stringify(p.physical)} for ${p.logical} has ${p.physical.length} characters; the broker takes ${p.maxLength}.`,
    hint: (p) =>
      `Shorten the prefix, topic or subscription, or set the physical name by hand: names: { "${p.logical}": "…" }.`,
  },
  WB_NAME_COLLISION: {
    sentence: (p: { entity: string; first: string; second: string; physical: string }) =>
      `${p.first} and ${p.second} would both use the ${p.entity} ${JSON.stringify(p.physical)}.`,
    hint: (p) => `Rename one of them, or set a physical name by hand: names: { "${p.second}": "…" }.`,
  },
  WB_EVENT_INVALID: {
    sentence: (p: { type: string; id?: string | undefined; problems: string }) =>
      `The event ${p.type}${p.id === undefined ? "" : ` (${p.id})`} does not match its schema: ${p.problems}.`,
    hint: "Correct the data, or the schema given to defineEvent. Nothing of this event was published.",
  },
  WB_EVENT_ATTRIBUTE: {
    sentence: (p: { attribute: string; problem: string }) =>
      `The event attribute ${JSON.stringify(p.attribute)} ${p.problem}.`,
    hint: "CloudEvents attributes are text, which id, source, type and subject must not leave empty, 32-bit integers or booleans; extension names are a-z and 0-9 only.",
  },
  WB_EVENT_UNDECODABLE: {
    sentence: (p: { problem: string }) => `The message is no CloudEvent: ${p.problem}.`,
    hint: "Look at the bytes with `waybill dead show`; the producer must send CloudEvents 1.0 in binary or structured mode.",
  },
  WB_EVENT_TYPE_UNKNOWN: {
    sentence: (p: { type: string; topic: string }) =>
      `The topic ${p.topic} has no event type ${JSON.stringify(p.type)}.`,
    hint: 'Add the event to defineTopic, or subscribe with unknown: "ignore".',
  },
  WB_DATA_UNSERIALIZABLE: {
    sentence: (p: { type: string; datacontenttype: string; problem: string }) =>
      `The data of ${p.type} cannot be written as ${p.datacontenttype}: ${p.problem}.`,
    hint: "Give JSON data for a JSON content type, a Uint8Array for any other, or register a serializer for the type.",
  },
  WB_EVENT_TOO_LARGE: {
    sentence: (p: { id: string; topic: string; bytes: number; limit: string }) =>
      `The event ${p.id} takes ${p.bytes} bytes on topic ${p.topic}; ${p.limit}.`,
    hint: "Send less, or turn the claim check on, which puts such data into a store: claimCheck: { store: blob or folder, … } in the configuration, or the option claimCheck of createBus. Attributes travel with the event in any case: keep them short.",
  },
  WB_CLAIM_CHECK_FAILED: {
    sentence: (p: { id: string; store: string; doing: string; problem: string }) =>
      `The data of the event ${p.id} could not be ${p.doing} the claim check (${p.store}): ${p.problem}.`,
    hint: "Check that the store can be reached, and its credentials. The event was not lost: publish it again, or redrive it.",
  },
  WB_CLAIM_CHECK_LOST: {
    sentence: (p: { id: string; store: string; problem: string }) =>
      `The data of the event ${p.id} cannot be had from the claim check (${p.store}): ${p.problem}.`,
    hint: "Producer and consumer must use one store, and it must keep data longer than events and dead letters can live.",
  },
  WB_CLAIM_CHECK_UNCONFIGURED: {
    sentence: (p: { id: string }) => `The data of the event ${p.id} lies in a claim check, and this consumer has none.`,
    hint: "Configure the producer's store here too (claimCheck), then redrive the event.",
  },
  WB_CLAIM_CHECK_TOO_LARGE: {
    sentence: (p: { id: string; bytes: number; maxBytes: number }) =>
      `The data of the event ${p.id} has ${p.bytes} bytes; the claim check takes ${p.maxBytes}.`,
    hint: "Send less, or raise claimCheck.maxBytes for producers and consumers.",
  },
  WB_PUBLISH_FAILED: {
    sentence: (p: { topic: string; failed: number; total: number; first: string }) =>
      `Publishing ${p.failed} of ${counted(p.total, "event")} to ${p.topic} failed; the first problem: ${p.first}`,
    hint: "error.outcomes answers for each event in order. Publish the failed ones again, or write them through the outbox.",
  },
  WB_PUBLISH_TIMEOUT: {
    sentence: (p: { topic: string; deadlineMs: number; problem: string }) =>
      `The broker did not take the event on topic ${p.topic} within ${p.deadlineMs} ms${p.problem === "" ? "" : ` (${p.problem})`}.`,
    hint: "It may still arrive: publish again with the same id. Check the broker's health, or use the outbox, which waits.",
  },
  WB_PUBLISH_BUFFER_FULL: {
    sentence: (p: { topic: string; events: number }) =>
      `The buffer for the topic ${p.topic} is full, with ${counted(p.events, "event")} in it.`,
    hint: "Await publish() before the next one, or raise publish.maxBuffered; the broker is slower than this process.",
  },
  WB_PUBLISH_ABORTED: {
    sentence: (p: { topic: string; problem: string }) =>
      `Publishing to ${p.topic} was given up by its signal${p.problem === "" ? "" : ` (${p.problem})`}.`,
    hint: "An event that had reached the wire may still arrive: publish again with the same id.",
  },
  WB_PUBLISH_BEHIND: {
    sentence: (p: { topic: string; key: string }) =>
      `An earlier event of key ${p.key} in the same call was refused by topic ${p.topic}; this one was not sent, so as not to overtake it.`,
    hint: "Publish both again, the earlier one first.",
  },
  WB_SCHEDULE_UNSUPPORTED: {
    sentence: (p: { topic: string; adapter: string; delayMs: number; maxDelayMs: number }) =>
      p.maxDelayMs === 0
        ? `${p.adapter} cannot hold an event on topic ${p.topic} back until a later time.`
        : `${p.adapter} holds an event on topic ${p.topic} back for at most ${p.maxDelayMs} ms; ${p.delayMs} ms were asked.`,
    hint: "Publish it through the outbox, which gives every broker scheduled delivery.",
  },
  WB_TOPIC_UNROUTED: {
    sentence: (p: { topic: string; adapters: string }) => `No adapter carries the topic ${p.topic}.`,
    hint: (p) => `Add it to topics: { "${p.topic}": one of ${p.adapters} }, or a pattern such as "audit-*" or "*".`,
  },
  WB_ADAPTER_UNKNOWN: {
    sentence: (p: { topic: string; adapter: string; adapters: string }) =>
      `Topic ${p.topic} is routed to the adapter ${JSON.stringify(p.adapter)}, which does not exist.`,
    hint: (p) => `Name one of ${p.adapters}.`,
  },
  WB_OPTION_INVALID: {
    sentence: (p: { option: string; problem: string }) => `The option ${p.option} ${p.problem}.`,
    hint: "See the docstring of the option for its unit, range and default.",
  },
  WB_ORDER_UNSUPPORTED: {
    sentence: (p: { topic: string; subscription: string; adapter: string }) =>
      `${p.topic}/${p.subscription} requires order, and ${p.adapter} keeps none for this source.`,
    hint: 'Use a source with sessions or partitions, or subscribe with order: "preferred".',
  },
  WB_SUBSCRIPTION_EXISTS: {
    sentence: (p: { topic: string; subscription: string }) =>
      `This bus already has a subscription ${p.topic}/${p.subscription}.`,
    hint: "Raise its concurrency instead, or drain the first one before a second is opened.",
  },
  WB_SUBSCRIPTION_MISSING: {
    sentence: (p: { topic: string; subscription: string }) =>
      `This bus has no subscription on ${p.topic} to process with${p.subscription === "" ? "" : ` named ${p.subscription}`}.`,
    hint: "Call bus.subscribe(topic, { name, loop: false }, handler) first.",
  },
  WB_HANDLER_TIMEOUT: {
    sentence: (p: { timeoutMs: number }) => `The handler did not finish within ${p.timeoutMs} ms.`,
    hint: "Let it stop when ctx.signal aborts, or raise handlerTimeoutMs.",
  },
  WB_DRAIN_DEADLINE: {
    sentence: (p: { running: number; deadlineMs: number }) =>
      `${counted(p.running, "handler")} still ran when the drain's ${p.deadlineMs} ms were over.`,
    hint: "Their events were not acked and will be delivered again. Let handlers stop when ctx.signal aborts.",
  },
  WB_CLOSED: {
    sentence: (p: { what: string }) => `The ${p.what} is closed.`,
    hint: "Open a new one; a closed one takes nothing more.",
  },
  WB_DEAD_LETTER_FAILED: {
    sentence: (p: { topic: string; subscription: string; id: string; problem: string }) =>
      `The event ${p.id} of ${p.topic}/${p.subscription} could not be dead-lettered: ${p.problem}`,
    hint: "It was not acked and is tried again. Check that the dead-letter destination exists and is writable.",
  },
  WB_REDRIVE_UNSUPPORTED: {
    sentence: (p: { topic: string; subscription: string; adapter: string }) =>
      `${p.adapter} has no way to send an event to ${p.topic}/${p.subscription} alone.`,
    hint: "Name a topic with `to`; every subscription of that topic then gets the events again, and their inboxes must absorb them.",
  },
  WB_RETURNS_UNSUPPORTED: {
    sentence: (p: { topic: string; subscription: string; adapter: string; problem: string }) =>
      `${p.adapter} cannot keep what returns to ${p.topic}/${p.subscription}: ${p.problem}.`,
    hint: "Name an adapter that can send to one subscription alone, such as storage-queue, and a deadLetterTo where the topic's broker has a dead-letter store of its own; or name none.",
  },
  WB_RECEIVE_FAILED: {
    sentence: (p: { topic: string; subscription: string; problem: string }) =>
      `Receiving from ${p.topic}/${p.subscription} fails: ${p.problem}`,
    hint: "It is tried again with backoff; check name, credentials and network of the broker.",
  },
});
