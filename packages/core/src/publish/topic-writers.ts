import { type Clock, sleep } from "../clock.ts";
import { coreErrors } from "../errors/core-errors.ts";
import { redacted } from "../errors/redacted.ts";
import type { ErrorKind } from "../spi/outcome.ts";
import type { Answers } from "./answers.ts";
import { DEADLINE_MS, MessageWriter, type WriterOptions } from "./message-writer.ts";
import type { Routes } from "./routes.ts";

export interface TopicWritersOptions {
  readonly routes: Routes;
  readonly clock: Clock;
  readonly writer: WriterOptions;
}

const PASSING: readonly ErrorKind[] = ["transient", "throttled"];

/** The writers of a bus's topics and destinations, each opened once. */
export class TopicWriters {
  readonly #o: TopicWritersOptions;
  readonly #opening = new Map<string, Promise<MessageWriter>>();
  readonly #ready = new Map<string, MessageWriter>();
  readonly #closing = new AbortController();

  constructor(options: TopicWritersOptions) {
    this.#o = options;
  }

  /** Aborts when they are closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** One that is open. */
  ready(topic: string): MessageWriter | undefined {
    return this.#ready.get(topic);
  }

  open(topic: string): Promise<MessageWriter> {
    if (this.closing.aborted) return Promise.reject(coreErrors.WB_CLOSED({ what: "bus" }));
    let opening = this.#opening.get(topic);
    if (opening === undefined) {
      const { routes, clock, writer } = this.#o;
      opening = Promise.resolve()
        .then(() => MessageWriter.open(routes.adapterOf(topic), topic, clock, writer))
        .then((open) => {
          this.#ready.set(topic, open);
          return open;
        });
      this.#opening.set(topic, opening);
      // An entity that is created later, or a broker that comes back, must be found by the next publish.
      opening.catch(() => this.#opening.delete(topic));
    }
    return opening;
  }

  /** Opens it for a call, tries again what fails in passing, and refuses the call at the deadline, however long the adapter takes. */
  async openFor(topic: string, answers: Answers, then: (writer: MessageWriter) => void): Promise<void> {
    const { clock, writer } = this.#o;
    const deadlineMs = writer.deadlineMs ?? DEADLINE_MS;
    const late = clock.after(deadlineMs, () => {
      const { failure } = answers;
      const problem = failure === undefined ? "" : redacted(failure);
      answers.refuseAll(coreErrors.WB_PUBLISH_TIMEOUT({ topic, deadlineMs, problem }, failure));
    });
    const closed = () => answers.refuseAll(coreErrors.WB_CLOSED({ what: "bus" }));
    this.closing.addEventListener("abort", closed, { once: true });
    void answers.all.then(() => {
      late.clear();
      this.closing.removeEventListener("abort", closed);
    });
    for (let waitMs = 50; !answers.done; waitMs = Math.min(2 * waitMs, 5_000)) {
      try {
        const open = await this.open(topic);
        late.clear();
        if (!answers.done) then(open);
        return;
      } catch (error) {
        answers.failure = error;
        if (!PASSING.includes(this.#classify(topic, error))) return answers.refuseAll(error);
        await sleep(clock, waitMs, this.closing);
      }
    }
  }

  /** Resolves when everything handed to them has been answered. */
  async flush(): Promise<void> {
    await Promise.all([...this.#ready.values()].map((writer) => writer.flush()));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    // One that never opens must not hold this up; should it open all the same, it is closed then.
    for (const opening of this.#opening.values()) opening.then((writer) => writer.close()).catch(() => undefined);
    await Promise.allSettled([...this.#ready.values()].map((writer) => writer.close()));
  }

  #classify(topic: string, error: unknown): ErrorKind {
    try {
      return this.#o.routes.adapterOf(topic).classify(error);
    } catch {
      // No adapter carries the topic: that is the error.
      return "not-found";
    }
  }
}
