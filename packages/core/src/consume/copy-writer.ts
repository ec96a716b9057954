import type { ClaimCheck } from "../claim-check/claim-check.ts";
import type { Codec } from "../codec/codec.ts";
import { encodeDeadLetter } from "../codec/dead-letter-record.ts";
import { coreErrors } from "../errors/core-errors.ts";
import { redacted } from "../errors/redacted.ts";
import type { MessageWriter } from "../publish/message-writer.ts";
import type { DeadLetterReason } from "../spi/delivery.ts";
import type { OutboundMessage, WireMessage } from "../spi/wire-message.ts";

/** How long storing the data of a dead letter may take. */
const CLAIM_MS = 30_000;

/**
 * Writes the copies that leave a subscription: dead letters, and delayed copies for another attempt. Each resolves when the destination has taken the copy, and
 * rejects otherwise; only then may the original be acked.
 */
export class CopyWriter {
  readonly #codec: Codec;
  readonly #open: (topic: string) => Promise<MessageWriter>;
  readonly #claims: ClaimCheck | undefined;

  constructor(codec: Codec, open: (topic: string) => Promise<MessageWriter>, claims: ClaimCheck | undefined) {
    this.#codec = codec;
    this.#open = open;
    this.#claims = claims;
  }

  async deadLetter(
    destination: string,
    original: WireMessage,
    reason: DeadLetterReason,
    redrives: number,
  ): Promise<void> {
    const writer = await this.#open(destination);
    const { headers, maxMessageBytes } = writer.capabilities;
    const untouched = this.#codec.withBookkeeping(original, redrives > 0 ? { redrives } : {});
    const fits = (message: OutboundMessage) => writer.measure(message) <= maxMessageBytes;
    const record = encodeDeadLetter(untouched, reason, { headers, fits });
    if (record !== untouched || this.#claims === undefined) {
      await this.#write(writer, destination, record, reason);
      return;
    }
    const claimed = await this.#claimed(this.#claims, untouched, headers);
    await this.#write(writer, destination, encodeDeadLetter(claimed, reason, { headers, fits }), reason);
  }

  /** The original with its data in the claim check, so that its reason fits beside it; as it is where that cannot be done. */
  async #claimed(claims: ClaimCheck, original: OutboundMessage, headers: boolean): Promise<OutboundMessage> {
    try {
      const { event, bookkeeping } = this.#codec.decode(original);
      const claimed = await claims.checkIn(event, AbortSignal.timeout(CLAIM_MS));
      if (claimed === undefined) return original;
      return this.#codec.withBookkeeping(this.#codec.encode(claimed, { headers }), bookkeeping);
    } catch {
      // No event, or no store just now: it goes without its reason then.
      return original;
    }
  }

  async retry(destination: string, copy: OutboundMessage): Promise<void> {
    const writer = await this.#open(destination);
    const outcome = await writer.write(this.#carried(copy, writer.capabilities.headers));
    if (!outcome.ok) throw outcome.error;
  }

  /** A broker without headers carries a message that has some as one document. */
  #carried(copy: OutboundMessage, headers: boolean): OutboundMessage {
    if (headers || Object.keys(copy.headers).length === 0) return copy;
    const { event, bookkeeping } = this.#codec.decode(copy);
    const document = this.#codec.withBookkeeping(this.#codec.encode(event, { headers }), bookkeeping);
    return { ...document, key: copy.key, notBefore: copy.notBefore, ttlMs: copy.ttlMs };
  }

  async #write(
    writer: MessageWriter,
    destination: string,
    record: OutboundMessage,
    reason: DeadLetterReason,
  ): Promise<void> {
    const outcome = await writer.write(record);
    if (outcome.ok) return;
    throw coreErrors.WB_DEAD_LETTER_FAILED(
      {
        topic: reason.topic,
        subscription: reason.subscription,
        id: record.id,
        problem: `${destination}: ${redacted(outcome.error)}`,
      },
      outcome.error,
    );
  }
}
