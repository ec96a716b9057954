import type { KafkaMessage } from "kafkajs";
import { toMessage } from "../../mapping.ts";
import type { FetchedRecord, TopicPartition } from "../engine.ts";

/** What kafkajs itself has decoded: of a broker that answers in an older version of the protocol, or of a log in an older format. */
export class DecodedMessages {
  readonly #messages: readonly KafkaMessage[];
  readonly #place: TopicPartition;
  #at = 0;
  bytes = 0;

  constructor(messages: readonly KafkaMessage[], place: TopicPartition) {
    this.#messages = messages;
    this.#place = place;
    for (const message of messages) this.bytes += bytesOf(message);
  }

  get count(): number {
    return this.#messages.length - this.#at;
  }

  get nextBytes(): number {
    return bytesOf(this.#messages[this.#at]!);
  }

  skipTo(offset: bigint): void {
    while (this.count > 0 && BigInt(this.#messages[this.#at]!.offset) < offset) this.#pass();
  }

  take(): FetchedRecord {
    const { offset: text, timestamp, key, value, headers } = this.#messages[this.#at]!;
    const offset = BigInt(text);
    const record = { offset, timestampMs: Number(timestamp), key, value, headers: headersOf(headers) };
    this.#pass();
    return { offset, message: toMessage(record, this.#place) };
  }

  #pass(): void {
    this.bytes -= this.nextBytes;
    this.#at++;
  }
}

const bytesOf = ({ value }: KafkaMessage) => value?.length ?? 0;

/** One without a value says nothing. */
function* headersOf(headers: KafkaMessage["headers"]): Generator<[string, Buffer]> {
  for (const name in headers) {
    for (const value of [headers[name]].flat())
      if (value !== undefined && value !== null) yield [name, value as Buffer];
  }
}
