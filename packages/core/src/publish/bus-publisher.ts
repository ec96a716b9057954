import type { ClaimCheck } from "../claim-check/claim-check.ts";
import { ClaimGate } from "../claim-check/claim-gate.ts";
import type { Clock } from "../clock.ts";
import type { Codec } from "../codec/codec.ts";
import { coreErrors } from "../errors/core-errors.ts";
import { redacted } from "../errors/redacted.ts";
import { checkAttributes } from "../events/check-attributes.ts";
import type { RawCloudEvent } from "../events/cloud-event.ts";
import type { NewEvent } from "../events/define-event.ts";
import { toCloudEvent } from "../events/to-cloud-event.ts";
import type { Observer } from "../observe/observer.ts";
import { checkLogicalName } from "../spi/naming.ts";
import { orAbort } from "../spi/or-abort.ts";
import type { Outcome } from "../spi/outcome.ts";
import type { OutboundMessage } from "../spi/wire-message.ts";
import { Answers } from "./answers.ts";
import { DEADLINE_MS, MAX_BUFFERED_BYTES, type MessageWriter, type WriterOptions } from "./message-writer.ts";
import { throwFailed } from "./publish-error.ts";
import type { Publisher, PublishOptions } from "./publisher.ts";
import type { Routes } from "./routes.ts";
import { TopicWriters } from "./topic-writers.ts";

/** One complete event on its way out, with what is no attribute of it. */
export interface Outgoing {
  readonly event: RawCloudEvent;
  readonly notBefore?: Date | undefined;
  readonly ttlMs?: number | undefined;
}

/** One outcome for each event, in order. */
export type PublishHandler = (
  topic: string,
  events: readonly Outgoing[],
  options: PublishOptions,
) => Promise<readonly Outcome[]>;

/** Wraps every publish of a bus: `(next) => async (topic, events, options) => next(topic, events, options)`. First in the list is outermost. */
export type PublishMiddleware = (next: PublishHandler) => PublishHandler;

export interface BusPublisherOptions {
  readonly source: string;
  readonly routes: Routes;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly writer: WriterOptions;
  /** Takes the data of what is too large for a broker. */
  readonly claims: ClaimCheck | undefined;
  readonly middleware: readonly PublishMiddleware[];
}

/** Publishing for a bus: check, encode, and hand to the topic's writer. */
export class BusPublisher implements Publisher {
  readonly #o: BusPublisherOptions;
  readonly #writers: TopicWriters;
  readonly #handle: PublishHandler;
  readonly #gate = new ClaimGate();

  constructor(options: BusPublisherOptions) {
    this.#o = options;
    this.#writers = new TopicWriters(options);
    const last: PublishHandler = (topic, events, given) => this.#write(topic, events, given);
    this.#handle = options.middleware.reduceRight((next, wrap) => wrap(next), last);
  }

  /** What waits for the broker's answer holds on to as little as it can: with many callers, memory that outlives its call is most of what one costs. */
  publish(topic: string, given: NewEvent | readonly NewEvent[], options: PublishOptions = {}): Promise<void> {
    try {
      const events = this.#complete(Array.isArray(given) ? (given as readonly NewEvent[]) : [given as NewEvent]);
      return events instanceof Promise
        ? events.then((late) => this.#handle(topic, late, options)).then((outcomes) => throwFailed(topic, outcomes))
        : this.#handle(topic, events, options).then((outcomes) => throwFailed(topic, outcomes));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  publishRaw(
    topic: string,
    events: readonly RawCloudEvent[],
    options: PublishOptions = {},
  ): Promise<readonly Outcome[]> {
    return this.#handle(
      topic,
      events.map((event) => ({ event })),
      options,
    );
  }

  /** Known of a topic that has been published to. */
  stopsKeys(topic: string): boolean {
    return this.#writers.ready(topic)?.capabilities.stopsKeys === true;
  }

  /** The writer of a topic or destination, opened once. */
  writer(topic: string): Promise<MessageWriter> {
    return this.#writers.open(topic);
  }

  /** Resolves when everything handed in has been answered. */
  async flush(): Promise<void> {
    await this.#gate.idle();
    await this.#writers.flush();
  }

  close(): Promise<void> {
    return this.#writers.close();
  }

  /** One invalid event refuses its call whole: the caller learns of it before anything is sent. */
  #complete(list: readonly NewEvent[]): readonly Outgoing[] | Promise<readonly Outgoing[]> {
    const events: (Outgoing | Promise<Outgoing>)[] = [];
    let isLate = false;
    try {
      for (const given of list) {
        const { notBefore, ttlMs } = given;
        const event = toCloudEvent(given, this.#o.source);
        if (event instanceof Promise) {
          isLate = true;
          events.push(event.then((complete) => ({ event: complete, notBefore, ttlMs })));
        } else events.push({ event, notBefore, ttlMs });
      }
    } catch (error) {
      // Those still being checked are not waited for; what becomes of them must not end the process.
      for (const event of events) if (event instanceof Promise) event.catch(() => undefined);
      throw error;
    }
    return isLate ? Promise.all(events) : (events as Outgoing[]);
  }

  #write(topic: string, events: readonly Outgoing[], options: PublishOptions): Promise<readonly Outcome[]> {
    try {
      checkLogicalName("topic", topic);
    } catch (error) {
      return Promise.reject(error);
    }
    const answers = new Answers(events.length, options.stopKeys);
    if (options.signal !== undefined) giveUpWith(options.signal, topic, answers);
    if (!answers.done) {
      const ready = this.#writers.ready(topic);
      if (ready === undefined)
        void this.#writers.openFor(topic, answers, (writer) => this.#hand(writer, events, answers));
      else this.#hand(ready, events, answers);
    }
    const { published, publishFailed } = this.#o.observer;
    if (published === undefined && publishFailed === undefined) return answers.all;
    return this.#told(topic, events, answers.all);
  }

  #hand(writer: MessageWriter, events: readonly Outgoing[], answers: Answers): void {
    const { claims } = this.#o;
    const messages: OutboundMessage[] = [];
    const places: number[] = [];
    for (let i = 0; i < events.length; i++) {
      try {
        const message = this.#encode(writer.topic, events[i]!, writer);
        if (claims === undefined || !this.#waits(writer, message)) {
          messages.push(message);
          places.push(i);
          continue;
        }
        // What was encoded before it must not come after it.
        writer.add(messages.splice(0), answers, places.splice(0));
        this.#pass(claims, writer, events[i]!, message, answers, i);
      } catch (error) {
        // What was encoded before it is no later than it.
        writer.add(messages.splice(0), answers, places.splice(0));
        answers.refuse(i, keyOf(events[i]!.event), error);
      }
    }
    writer.add(messages, answers, places);
  }

  #waits(writer: MessageWriter, message: OutboundMessage): boolean {
    return isTooLarge(writer, message) || this.#gate.holds(writer.topic, message.key);
  }

  /** Through the claim check where it is too large, and behind what of its key is there already. */
  #pass(
    claims: ClaimCheck,
    writer: MessageWriter,
    outgoing: Outgoing,
    message: OutboundMessage,
    answers: Answers,
    place: number,
  ): void {
    const { clock, writer: options } = this.#o;
    const { topic } = writer;
    const bytes = message.body?.byteLength ?? 0;
    const maxBytes = options.maxBufferedBytes ?? MAX_BUFFERED_BYTES;
    if (this.#gate.bytes > 0 && this.#gate.bytes + bytes > maxBytes) {
      throw coreErrors.WB_PUBLISH_BUFFER_FULL({ topic, events: this.#gate.waiting });
    }
    const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    const late = new AbortController();
    const timer = clock.after(deadlineMs, () => {
      const problem = "its data was on the way to the claim check";
      answers.refuse(place, message.key, coreErrors.WB_PUBLISH_TIMEOUT({ topic, deadlineMs, problem }));
      late.abort();
    });
    void answers.all.then(() => timer.clear());
    const signal = AbortSignal.any([late.signal, this.#writers.closing]);
    const store = async () => {
      // A store that does not heed its signal must not hold up what waits behind it.
      const claimed = await orAbort(claims.checkIn(outgoing.event, signal), signal);
      return claimed === undefined ? message : this.#encode(topic, { ...outgoing, event: claimed }, writer);
    };
    const prepare = isTooLarge(writer, message) ? store : undefined;
    this.#gate.pass({ topic, key: message.key, bytes }, prepare, (outcome) => {
      if (this.#writers.closing.aborted) answers.refuse(place, message.key, coreErrors.WB_CLOSED({ what: "bus" }));
      else if (outcome !== undefined && "error" in outcome) answers.refuse(place, message.key, outcome.error);
      else writer.add([outcome?.value ?? message], answers, [place]);
    });
  }

  #encode(topic: string, outgoing: Outgoing, writer: MessageWriter): OutboundMessage {
    const { codec, clock, routes } = this.#o;
    const { event, notBefore, ttlMs } = outgoing;
    if (typeof event !== "object" || event === null) {
      throw coreErrors.WB_EVENT_ATTRIBUTE({ attribute: "event", problem: "is no CloudEvent at all" });
    }
    checkAttributes(event);
    const { headers, schedule } = writer.capabilities;
    const message = codec.encode(event, { headers });
    if (notBefore === undefined && ttlMs === undefined) return message;
    const delayMs = notBefore === undefined ? 0 : notBefore.getTime() - clock.now();
    const maxDelayMs = schedule === false ? 0 : schedule.maxDelayMs;
    if (delayMs > maxDelayMs) {
      throw coreErrors.WB_SCHEDULE_UNSUPPORTED({ topic, adapter: routes.adapterOf(topic).name, delayMs, maxDelayMs });
    }
    return { ...message, notBefore: delayMs > 0 ? notBefore : undefined, ttlMs };
  }

  async #told(
    topic: string,
    events: readonly Outgoing[],
    answered: Promise<readonly Outcome[]>,
  ): Promise<readonly Outcome[]> {
    const outcomes = await answered;
    const { published, publishFailed } = this.#o.observer;
    for (const [index, outcome] of outcomes.entries()) {
      const id = events[index]!.event?.id;
      if (outcome.ok) published?.({ topic, id });
      else publishFailed?.({ topic, id, error: outcome.error });
    }
    return outcomes;
  }
}

function giveUpWith(signal: AbortSignal, topic: string, answers: Answers): void {
  const giveUp = () => {
    const { failure } = answers;
    const problem = failure === undefined ? "" : redacted(failure);
    answers.refuseAll(coreErrors.WB_PUBLISH_ABORTED({ topic, problem }, failure));
  };
  if (signal.aborted) giveUp();
  else {
    signal.addEventListener("abort", giveUp, { once: true });
    void answers.all.then(() => signal.removeEventListener("abort", giveUp));
  }
}

function keyOf(event: RawCloudEvent | undefined): string | undefined {
  const key: unknown = event?.partitionkey;
  return typeof key === "string" ? key : undefined;
}

function isTooLarge(writer: MessageWriter, message: OutboundMessage): boolean {
  return writer.measure(message) > writer.capabilities.maxMessageBytes;
}
