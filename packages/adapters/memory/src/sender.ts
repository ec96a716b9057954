import { done, type OutboundMessage, type Outcome, type Sender, type SenderCapabilities } from "@waybill/core/spi";
import { injected, memoryErrors } from "./errors.ts";
import type { FaultName } from "./faults.ts";
import type { Link } from "./link.ts";
import { measureFor, stored } from "./mapping.ts";
import type { Settings } from "./options.ts";
import type { Target } from "./target.ts";

/** Stores messages in one target. Everything happens within the call, so calls never overlap at the broker. */
export class MemorySender implements Sender {
  readonly capabilities: SenderCapabilities;
  readonly measure: (message: OutboundMessage) => number;
  readonly #s: Settings;
  readonly #link: Link;
  readonly #target: Target;
  #closed = false;

  constructor(settings: Settings, link: Link, target: Target) {
    this.capabilities = settings.profile.sender;
    this.measure = measureFor(settings.profile);
    this.#s = settings;
    this.#link = link;
    this.#target = target;
    link.add(this);
  }

  async send(messages: readonly OutboundMessage[], signal: AbortSignal): Promise<readonly Outcome[]> {
    if (this.#closed) throw memoryErrors.WB_MEMORY_CLOSED({ what: "sender" });
    this.#link.guard("send");
    signal.throwIfAborted();
    this.#checkBatch(messages);
    const { faults, broker } = this.#link;
    if (this.#target.dead && broker.isDeadLetterDown) throw injected("transient", "a write to the dead-letter place");
    const nowMs = broker.clock.now();
    const outcomes: Outcome[] = new Array(messages.length);
    if (faults === undefined) {
      const refused = new Set<string>();
      for (let index = 0; index < messages.length; index++) {
        const message = messages[index]!;
        outcomes[index] =
          this.#refusal(message, nowMs, refused) ?? this.#store(message, this.#target.lane(message), nowMs);
      }
    } else this.#sendWithFaults(messages, outcomes, nowMs, (name) => faults.strikes(name));
    this.#target.wake();
    return outcomes;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#link.remove(this);
  }

  #store(message: OutboundMessage, lane: number, nowMs: number): Outcome {
    const { headers } = this.capabilities;
    const kept = stored(message, nowMs, headers ? undefined : this.#link.broker.nextId());
    const notBeforeMs = message.notBefore === undefined ? 0 : message.notBefore.getTime();
    const expiresMs = message.ttlMs === undefined ? Number.POSITIVE_INFINITY : nowMs + message.ttlMs;
    this.#target.put(kept, lane, notBeforeMs > nowMs ? notBeforeMs : 0, expiresMs);
    return done;
  }

  #sendWithFaults(
    messages: readonly OutboundMessage[],
    outcomes: Outcome[],
    nowMs: number,
    strikes: (name: FaultName) => boolean,
  ): void {
    const { failsBy } = this.#s.profile;
    if (failsBy === "call" && strikes("failSend")) throw injected("transient", "send");
    // Once a part of a lane has failed, what follows it in that lane fails too, as with a broker that keeps order.
    const failedLanes = new Map<number, boolean>();
    const refused = new Set<string>();
    for (const [index, message] of messages.entries()) {
      const lane = this.#target.lane(message);
      let failed = failsBy === "message" && strikes("failSend");
      if (failsBy === "lane") {
        failed = failedLanes.get(lane) ?? strikes("failSend");
        failedLanes.set(lane, failed);
      }
      outcomes[index] =
        this.#refusal(message, nowMs, refused) ??
        (failed ? { ok: false, error: injected("transient", "send") } : this.#store(message, lane, nowMs));
      if (outcomes[index].ok && strikes("duplicate")) this.#store(message, lane, nowMs);
    }
    if (!strikes("sendTimeoutAfterWrite")) return;
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.ok) outcomes[index] = { ok: false, error: injected("transient", "send: stored, but not answered") };
    }
  }

  /** `refused` are the keys of this send that stand still. */
  #refusal(message: OutboundMessage, nowMs: number, refused: Set<string>): Outcome | undefined {
    const { id, key } = message;
    if (key === undefined || this.capabilities.stopsKeys !== true) return this.#ownRefusal(message, nowMs);
    const refusal: Outcome | undefined = refused.has(key)
      ? { ok: false, error: memoryErrors.WB_MEMORY_BEHIND({ id }) }
      : this.#ownRefusal(message, nowMs);
    if (refusal !== undefined) refused.add(key);
    return refusal;
  }

  #ownRefusal(message: OutboundMessage, nowMs: number): Outcome | undefined {
    const { maxMessageBytes, schedule, headers } = this.capabilities;
    if (!headers && Object.keys(message.headers).length > 0) {
      const { like } = this.#s;
      return { ok: false, error: memoryErrors.WB_MEMORY_UNSUPPORTED({ like, what: "carry headers" }) };
    }
    const bytes = this.measure(message);
    if (bytes > maxMessageBytes) {
      const { id } = message;
      return { ok: false, error: memoryErrors.WB_MEMORY_TOO_LARGE({ id, bytes, maxBytes: maxMessageBytes }) };
    }
    if (message.notBefore === undefined) return undefined;
    const delayMs = message.notBefore.getTime() - nowMs;
    if (delayMs <= 0 || (schedule !== false && delayMs <= schedule.maxDelayMs)) return undefined;
    const { like } = this.#s;
    return { ok: false, error: memoryErrors.WB_MEMORY_UNSUPPORTED({ like, what: `hold a message for ${delayMs} ms` }) };
  }

  #checkBatch(messages: readonly OutboundMessage[]): void {
    const { maxSendBatch: maxMessages, maxSendBatchBytes: maxBytes } = this.capabilities;
    let bytes = 0;
    for (const message of messages) bytes += this.measure(message);
    // One message that is too large alone is that message's own failure.
    if (messages.length <= maxMessages && (bytes <= maxBytes || messages.length === 1)) return;
    throw memoryErrors.WB_MEMORY_BATCH_TOO_LARGE({ messages: messages.length, bytes, maxMessages, maxBytes });
  }
}
