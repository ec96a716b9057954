import { createCall, type Description, ownTopic, type Receiver } from "@waybill/core/spi";
import { pullCapabilities, senderCapabilities } from "./capabilities.ts";
import { classify, failedCall } from "./classify.ts";
import { createLastDeliveries, type LastDeliveries } from "./last-deliveries.ts";
import type { Names } from "./names.ts";
import type { Settings } from "./options.ts";
import type { Parts } from "./parts.ts";
import { publishToNamespace } from "./publish.ts";
import { createPullSource, type PullSource } from "./pull-source.ts";
import { createReceiver } from "./receiver.ts";
import type { RestClient } from "./rest-client.ts";
import { createSender } from "./sender.ts";

export interface PullOptions {
  readonly client: RestClient;
  readonly names: Names;
  readonly settings: Settings;
  readonly parts: Parts;
}

/** The service itself answers "nothing" after ten seconds at the earliest: so long a receive waits for it. */
const WAIT_MS = 1_000;
/** Whoever walks through dead letters takes two empty answers for the end of them: a slow first one must not be it, nor may locks end meanwhile. */
const DEAD_LETTERS_WAIT_MS = 3_000;

/** The subscriptions of a namespace that are received by request. */
export class Pull {
  readonly #options: PullOptions;
  /** Of the receivers that are open, by place. */
  readonly inUse = new Map<string, PullSource>();

  constructor(options: PullOptions) {
    this.#options = options;
  }

  source(topic: string, subscription: string, life?: AbortSignal): PullSource {
    const { client, names, settings, parts } = this.#options;
    const closed = life ?? parts.closed;
    return createPullSource({
      client,
      topic: names.topic(topic),
      subscription: names.subscription(topic, subscription),
      maxWaitMs: settings.maxWaitMs,
      call: createCall(settings.requestTimeoutMs, closed),
      patientCall: createCall(settings.maxWaitMs + settings.requestTimeoutMs, closed),
    });
  }

  /** Rejects, kind `not-found`, where topic or event subscription is missing. */
  async check(topic: string, subscription: string, signal?: AbortSignal): Promise<void> {
    await this.checkSource(this.source(topic, subscription), signal);
  }

  async checkSource(source: PullSource, signal?: AbortSignal): Promise<void> {
    if (!(await source.exists(signal))) throw missing(source);
  }

  async open(topic: string, subscription: string): Promise<Receiver> {
    const { settings, parts } = this.#options;
    const [own] = await Promise.all([this.#returnTo(topic, subscription), this.check(topic, subscription)]);
    parts.closed.throwIfAborted();
    return parts.add((life) => {
      const source = this.source(topic, subscription, life.signal);
      // Dead letters have a topic of their own already.
      const isPrivate = topic.includes("/");
      const reads = own !== undefined && !isPrivate;
      this.inUse.set(source.place, source);
      return createReceiver({
        sources: reads ? [source, this.source(own, subscription, life.signal)] : [source],
        returnTo: own,
        lastDeliveries: this.#lastDeliveries(reads ? own : isPrivate ? topic : undefined, life.signal),
        capabilities: this.#capabilities(topic, subscription),
        lockMs: settings.lockMs,
        waitMs: isPrivate ? Math.min(DEAD_LETTERS_WAIT_MS, settings.lockMs / 4) : WAIT_MS,
        closed: life.signal,
        close: () => {
          this.inUse.delete(source.place);
          life.end();
        },
      });
    }, "receiver");
  }

  async describe(topic: string, subscription: string, signal: AbortSignal): Promise<Description> {
    const sender = senderCapabilities("namespace");
    const receiver = this.#capabilities(topic, subscription);
    try {
      const [own] = await Promise.all([
        this.#returnTo(topic, subscription, signal),
        this.check(topic, subscription, signal),
      ]);
      return { sender, receiver, returnSender: own === undefined ? undefined : sender };
    } catch (error) {
      if (classify(error) !== "transient") throw error;
      return {
        sender,
        receiver,
        assumed: "topic and event subscription are there, and nothing of its own to redrive to",
      };
    }
  }

  /** `to`: a topic that reaches this subscription alone. */
  #lastDeliveries(to: string | undefined, closed: AbortSignal): LastDeliveries | undefined {
    const { client, names, settings } = this.#options;
    // With one delivery each, every one is the last.
    if (to === undefined || settings.maxDeliveryCount < 2) return undefined;
    const place = names.topic(to);
    const sender = createSender({
      place,
      capabilities: senderCapabilities("namespace"),
      publish: publishToNamespace(client, place),
      call: createCall(settings.requestTimeoutMs, closed),
      closed,
      close: () => undefined,
    });
    return createLastDeliveries(settings.maxDeliveryCount, sender);
  }

  #capabilities(topic: string, subscription: string) {
    const { lockMs, deadLettered } = this.#options.settings;
    return pullCapabilities(lockMs, deadLettered.has(ownTopic(topic, subscription)));
  }

  /** What reaches a subscription alone, also seen from its dead letters; undefined where nobody has made it. */
  async #returnTo(topic: string, subscription: string, signal?: AbortSignal): Promise<string | undefined> {
    const own = ownTopic(topic.split("/")[0]!, subscription);
    return topic !== own && (await this.source(own, subscription).exists(signal)) ? own : undefined;
  }
}

const missing = ({ place }: PullSource) =>
  failedCall("Looking for", place, Object.assign(new Error("it does not exist"), { statusCode: 404 }));
