import type { Codec } from "../codec/codec.ts";
import { encodeDeadLetter } from "../codec/dead-letter.ts";
import { coreErrors } from "../errors/core-errors.ts";
import { redacted } from "../errors/redacted.ts";
import type { MessageWriter } from "../publish/message-writer.ts";
import type { DeadLetterReason } from "../spi/delivery.ts";
import type { OutboundMessage, WireMessage } from "../spi/wire-message.ts";

/**
 * Writes the copies that leave a subscription: dead letters, and delayed copies for another attempt. Each resolves when the destination has taken the copy, and
 * rejects otherwise; only then may the original be acked.
 */
export class CopyWriter {
  readonly #codec: Codec;
  readonly #open: (topic: string) => Promise<MessageWriter>;

  constructor(codec: Codec, open: (topic: string) => Promise<MessageWriter>) {
    this.#codec = codec;
    this.#open = open;
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
    const record = encodeDeadLetter(untouched, reason, {
      headers,
      fits: (message) => writer.measure(message) <= maxMessageBytes,
    });
    await this.#write(writer, destination, record, reason);
  }

  async retry(destination: string, copy: OutboundMessage): Promise<void> {
    const writer = await this.#open(destination);
    const outcome = await writer.write(copy);
    if (!outcome.ok) throw outcome.error;
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
