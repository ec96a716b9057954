import { type Clock, sleep } from "../clock.ts";
import { coreErrors } from "../errors/core-errors.ts";
import { redacted } from "../errors/redacted.ts";
import { isWaybillError } from "../errors/waybill-error.ts";
import type { Adapter, Sender } from "../spi/adapter.ts";
import type { SenderCapabilities } from "../spi/capabilities.ts";
import { done, type Outcome } from "../spi/outcome.ts";
import type { OutboundMessage } from "../spi/wire-message.ts";
import { Answers } from "./answers.ts";

export interface WriterOptions {
  /** How long a lone message waits for company, in milliseconds. Default 0: until the event loop's next turn. */
  readonly lingerMs?: number;
  /** Messages that may wait for one topic. More are refused at once. Default 100 000. */
  readonly maxBuffered?: number;
  /** Bytes of them. Default 64 MiB. */
  readonly maxBufferedBytes?: number;
  /** How long an event may take from `publish` to the broker's answer, tries included. Default 30 000. */
  readonly deadlineMs?: number;
}

interface Entry {
  readonly message: OutboundMessage;
  readonly bytes: number;
  readonly answers: Answers;
  readonly index: number;
  readonly deadlineMs: number;
  tries: number;
}

/** From `publish` to the broker's answer. */
export const DEADLINE_MS = 30_000;
export const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
const OVERLAP = 4;
/** A send that ignores its signal is given up after this long, and its sender with it. */
const GRACE_MS = 1_000;
const MAX_BACKOFF_MS = 5_000;

/**
 * Sends messages to one topic. Concurrent callers' messages share broker batches, bounded by count and bytes; one send at a time (a few where the sender
 * allows), so what is handed in first is sent first, also through failures that pass.
 */
export class MessageWriter {
  readonly topic: string;
  readonly #adapter: Adapter;
  readonly #clock: Clock;
  readonly #options: Required<WriterOptions>;
  #sender: Sender;
  #queue: Entry[] = [];
  #from = 0;
  #bytes = 0;
  #sending = 0;
  #scheduled = false;
  #backoff: Promise<void> | undefined;
  #closed = false;
  #idle: (() => void)[] = [];

  static async open(adapter: Adapter, topic: string, clock: Clock, options: WriterOptions): Promise<MessageWriter> {
    return new MessageWriter(adapter, topic, clock, options, await adapter.openSender(topic));
  }

  private constructor(adapter: Adapter, topic: string, clock: Clock, options: WriterOptions, sender: Sender) {
    this.#adapter = adapter;
    this.topic = topic;
    this.#clock = clock;
    this.#sender = sender;
    this.#options = {
      lingerMs: options.lingerMs ?? 0,
      maxBuffered: options.maxBuffered ?? 100_000,
      maxBufferedBytes: options.maxBufferedBytes ?? MAX_BUFFERED_BYTES,
      deadlineMs: options.deadlineMs ?? DEADLINE_MS,
    };
  }

  get capabilities(): SenderCapabilities {
    return this.#sender.capabilities;
  }

  measure(message: OutboundMessage): number {
    return this.#sender.measure?.(message) ?? sizeOf(message);
  }

  async write(message: OutboundMessage): Promise<Outcome> {
    const answers = new Answers(1);
    this.add([message], answers, [0]);
    return (await answers.all)[0]!;
  }

  /** Takes messages in, in order; `answers` gets each one's outcome at `places[i]`. */
  add(messages: readonly OutboundMessage[], answers: Answers, places: readonly number[]): void {
    const { maxBuffered, maxBufferedBytes, deadlineMs } = this.#options;
    const { maxMessageBytes } = this.#sender.capabilities;
    const deadline = this.#clock.monotonic() + deadlineMs;
    const waiting = this.#queue.length - this.#from;
    const full = waiting > 0 && (waiting + messages.length > maxBuffered || this.#bytes > maxBufferedBytes);
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!;
      const index = places[i]!;
      const bytes = this.measure(message);
      const { key } = message;
      if (this.#closed) answers.refuse(index, key, coreErrors.WB_CLOSED({ what: "bus" }));
      else if (answers.stops(key)) answers.refuse(index, key, this.#behind(key));
      else if (bytes > maxMessageBytes) answers.refuse(index, key, this.#tooLarge(message, bytes));
      else if (full)
        answers.refuse(index, key, coreErrors.WB_PUBLISH_BUFFER_FULL({ topic: this.topic, events: waiting }));
      else {
        this.#queue.push({ message, bytes, answers, index, deadlineMs: deadline, tries: 0 });
        this.#bytes += bytes;
      }
    }
    this.#schedule();
  }

  /** Resolves when nothing waits or is under way. */
  flush(): Promise<void> {
    if (this.#queue.length === this.#from && this.#sending === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Refuses what still waits and frees the sender. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#queue.splice(this.#from))
      entry.answers.set(entry.index, fail(coreErrors.WB_CLOSED({ what: "bus" })));
    await this.#sender.close();
  }

  #tooLarge(message: OutboundMessage, bytes: number, refusal?: unknown): Error {
    const { maxMessageBytes } = this.#sender.capabilities;
    // Some brokers have limits of other kinds as well, such as for headers.
    const other = refusal !== undefined && bytes <= maxMessageBytes;
    const said = isWaybillError(refusal) ? refusal.sentence.replace(/\.$/, "") : redacted(refusal);
    const limit = other ? `the broker has another limit: ${said}` : `the broker takes ${maxMessageBytes}`;
    return coreErrors.WB_EVENT_TOO_LARGE({ id: message.id, topic: this.topic, bytes, limit }, refusal);
  }

  #behind(key: string): Error {
    return coreErrors.WB_PUBLISH_BEHIND({ topic: this.topic, key });
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.length === this.#from) return;
    this.#scheduled = true;
    const { lingerMs } = this.#options;
    if (lingerMs > 0 && this.#queue.length - this.#from < this.capabilities.maxSendBatch)
      this.#clock.after(lingerMs, this.#run);
    else setImmediate(this.#run);
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    this.#pump();
  };

  #pump(): void {
    const most = this.capabilities.overlap ? OVERLAP : 1;
    while (this.#sending < most && this.#backoff === undefined && this.#from < this.#queue.length) {
      const batch = this.#take();
      if (batch.length === 0) continue;
      this.#sending++;
      void this.#send(batch).then(() => {
        this.#sending--;
        this.#tellIdle();
        // Those who have their answers now may publish again at once, and then share the next batch with those who wait.
        if (this.#options.lingerMs === 0 && this.#queue.length - this.#from < this.capabilities.maxSendBatch)
          this.#schedule();
        else this.#pump();
      });
    }
    // All that waited may have been answered meanwhile, with nothing to send.
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#sending > 0 || this.#from < this.#queue.length) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** The next batch; entries whose caller has given up, or whose time is over, are answered and left out. */
  #take(): Entry[] {
    const { maxSendBatch, maxSendBatchBytes } = this.capabilities;
    const now = this.#clock.monotonic();
    const batch: Entry[] = [];
    let bytes = 0;
    while (this.#from < this.#queue.length && batch.length < maxSendBatch) {
      const entry = this.#queue[this.#from]!;
      const { key } = entry.message;
      const stopped = entry.answers.stops(key);
      if (stopped || entry.answers.outcomes[entry.index] !== undefined || entry.deadlineMs <= now) {
        entry.answers.refuse(entry.index, key, stopped ? this.#behind(key) : this.#timeout(entry.answers.failure));
        this.#from++;
        this.#bytes -= entry.bytes;
        continue;
      }
      if (batch.length > 0 && bytes + entry.bytes > maxSendBatchBytes) break;
      batch.push(entry);
      bytes += entry.bytes;
      this.#bytes -= entry.bytes;
      this.#from++;
    }
    if (this.#from === this.#queue.length) {
      this.#queue = [];
      this.#from = 0;
    }
    return batch;
  }

  async #send(batch: readonly Entry[]): Promise<void> {
    const outcomes = await this.#attempt(batch);
    const again: Entry[] = [];
    let slow = false;
    for (let i = 0; i < batch.length; i++) {
      const entry = batch[i]!;
      const outcome = outcomes[i] ?? fail(new Error("The adapter gave no outcome for a message."));
      if (outcome.ok) {
        entry.answers.set(entry.index, done);
        continue;
      }
      const kind = isWaybillError(outcome.error, "WB_PUBLISH_TIMEOUT")
        ? "timeout"
        : this.#adapter.classify(outcome.error);
      const passing =
        kind === "transient" || kind === "throttled" || kind === "lost" || (kind === "unknown" && entry.tries < 3);
      if (passing && entry.answers.outcomes[entry.index] === undefined && !this.#closed) {
        entry.tries++;
        entry.answers.failure = outcome.error;
        slow ||= kind === "throttled";
        again.push(entry);
      } else if (kind === "too-large") {
        entry.answers.refuse(entry.index, entry.message.key, this.#tooLarge(entry.message, entry.bytes, outcome.error));
      } else entry.answers.refuse(entry.index, entry.message.key, outcome.error);
    }
    if (again.length > 0) this.#retry(again, slow);
  }

  /** Back to the front, in order, after a wait that holds the whole topic: later messages of a key must not pass. */
  #retry(again: readonly Entry[], slow: boolean): void {
    this.#queue = again.concat(this.#queue.slice(this.#from));
    this.#from = 0;
    for (const entry of again) this.#bytes += entry.bytes;
    const waitMs = Math.min(MAX_BACKOFF_MS, (slow ? 500 : 50) * 2 ** (again[0]!.tries - 1));
    this.#backoff ??= sleep(
      this.#clock,
      Math.max(1, Math.min(waitMs, again[0]!.deadlineMs - this.#clock.monotonic())),
    ).then(() => {
      this.#backoff = undefined;
      this.#pump();
    });
  }

  async #attempt(batch: readonly Entry[]): Promise<readonly Outcome[]> {
    const abort = new AbortController();
    const leftMs = batch[0]!.deadlineMs - this.#clock.monotonic();
    let expire!: (outcomes: readonly Outcome[]) => void;
    const expired = new Promise<readonly Outcome[]>((resolve) => {
      expire = resolve;
    });
    const sender = this.#sender;
    let grace = this.#clock.after(leftMs, () => {
      abort.abort();
      grace = this.#clock.after(GRACE_MS, () => {
        void this.#replace(sender);
        expire(batch.map(({ answers }) => fail(this.#timeout(answers.failure))));
      });
    });
    // What a send says that was aborted is seldom more than that.
    const late = ({ answers }: Entry, error: unknown) => this.#timeout(answers.failure ?? error);
    try {
      const messages = batch.map((entry) => entry.message);
      const outcomes = await Promise.race([sender.send(messages, abort.signal), expired]);
      return abort.signal.aborted
        ? outcomes.map((outcome, i) => (outcome.ok ? outcome : fail(late(batch[i]!, outcome.error))))
        : outcomes;
    } catch (error) {
      return batch.map((entry) => fail(abort.signal.aborted ? late(entry, error) : error));
    } finally {
      grace.clear();
    }
  }

  /** A sender whose send hangs: a new one takes over. */
  async #replace(hung: Sender): Promise<void> {
    try {
      if (this.#sender === hung) this.#sender = await this.#adapter.openSender(this.topic);
      await hung.close();
    } catch {
      // The next send fails in its own words, and is tried again.
    }
  }

  #timeout(cause: unknown): Error {
    return coreErrors.WB_PUBLISH_TIMEOUT(
      { topic: this.topic, deadlineMs: this.#options.deadlineMs, problem: cause === undefined ? "" : redacted(cause) },
      cause,
    );
  }
}

function fail(error: unknown): Outcome {
  return { ok: false, error };
}

/** A message's size where the sender has no better measure: body, headers and key. */
function sizeOf(message: OutboundMessage): number {
  let bytes = (message.body?.byteLength ?? 0) + (message.key?.length ?? 0) + (message.contentType?.length ?? 0);
  for (const name in message.headers) bytes += name.length + message.headers[name]!.length;
  return bytes;
}
