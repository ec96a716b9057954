import assert from "node:assert/strict";
import { type Bus, type BusOptions, createBus } from "@waybill/core";
import {
  type Adapter,
  type Delivery,
  deadTopic,
  type OutboundMessage,
  type Outcome,
  ownTopic,
  type Receiver,
  type Sender,
  type Settlement,
  type Source,
  type Want,
  type WireMessage,
} from "@waybill/core/spi";
import { codec, idsOf, rawEvent } from "./events.ts";
import type { Harness, OpenEnvironment } from "./harness.ts";
import type { MeasuredName } from "./measured.ts";
import { mortal } from "./mortal.ts";
import { assertOk } from "./outcomes.ts";
import { Skipped } from "./skipped.ts";
import type { Time } from "./time.ts";

const NONE: ReadonlySet<string> = new Set();
const AMPLE_BYTES = 64 * 1024 * 1024;
let topics = 0;
/** Other runs, of this and other processes, share the broker. */
const RUN = `${process.pid.toString(36)}${Date.now().toString(36).slice(-5)}`;

export interface EventParts {
  readonly key?: string | undefined;
  readonly data?: unknown;
}

/** A topic with one subscription, and an instance that sends and receives on it. */
export interface Line {
  readonly topic: string;
  readonly subscription: string;
  readonly adapter: Adapter;
  readonly sender: Sender;
  readonly receiver: Receiver;
}

/** What one case plays on. Everything it opens is closed at the end. */
export class Stage {
  readonly harness: Harness;
  readonly time: Time;
  /** Never aborts. */
  readonly signal: AbortSignal = new AbortController().signal;
  readonly measured = new Map<MeasuredName, string>();
  readonly #open: (environment: OpenEnvironment) => Adapter | Promise<Adapter>;
  readonly #declared: Record<string, readonly string[]> = {};
  readonly #close: (() => Promise<unknown>)[] = [];
  adapterName: string | undefined;

  constructor(harness: Harness, open: (environment: OpenEnvironment) => Adapter | Promise<Adapter>) {
    this.harness = harness;
    this.time = harness.time;
    this.#open = open;
  }

  /** This case says nothing about this adapter, and why. */
  skip(reason: string): never {
    throw new Skipped(reason);
  }

  only(applies: boolean, otherwise: string): void {
    if (!applies) this.skip(otherwise);
  }

  /** A fact for the table. Call it after the assertions. */
  saw(capability: MeasuredName, value: string): void {
    this.measured.set(capability, value);
  }

  /** A topic of this case's own. Declare topics before opening adapters. */
  async topic(...subscriptions: string[]): Promise<string> {
    const name = `t${RUN}${(topics++).toString(36)}`;
    return this.declare(name, subscriptions);
  }

  async declare(name: string, subscriptions: readonly string[]): Promise<string> {
    this.#declared[name] = subscriptions;
    await this.harness.prepare?.(name, subscriptions);
    return name;
  }

  subscriptionsOf(topic: string): readonly string[] {
    return this.#declared[topic] ?? [];
  }

  /** A topic that is declared and that nobody has prepared. */
  unprepared(...subscriptions: string[]): string {
    const name = `t${RUN}${(topics++).toString(36)}`;
    this.#declared[name] = subscriptions;
    return name;
  }

  /** A fresh instance, told of everything that is declared; `told` false: of no subscription; or of those given. */
  async open({ told = true }: { told?: boolean | Record<string, readonly string[]> } = {}): Promise<Adapter> {
    const subscriptions = told === true ? { ...this.#declared } : told === false ? {} : told;
    const adapter = await this.#open({ harness: this.harness, subscriptions });
    this.adapterName ??= adapter.name;
    this.#close.push(() => adapter.close());
    return adapter;
  }

  /** An instance that can die. Skips the case where neither the harness nor a lease makes that possible. */
  async openMortal(receiver?: Receiver): Promise<{ adapter: Adapter; crash: () => Promise<void> }> {
    const adapter = await this.open();
    const { harness } = this;
    if (harness.crash !== undefined) return { adapter, crash: () => this.run(harness.crash!(adapter), "a crash") };
    if (receiver?.capabilities.lease === false) this.skip("the harness cannot crash an instance (Harness.crash)");
    return mortal(adapter);
  }

  async line(startFrom: Source["startFrom"] = "earliest"): Promise<Line> {
    const topic = await this.topic("a");
    const adapter = await this.open();
    // The reader first: where a log is trimmed or a subscription made on opening, nothing may depend on who comes first.
    const receiver = await this.receiver(adapter, topic, "a", startFrom);
    const sender = await this.sender(adapter, topic);
    return { topic, subscription: "a", adapter, sender, receiver };
  }

  sender(adapter: Adapter, topic: string): Promise<Sender> {
    return this.run(adapter.openSender(topic), `opening a sender on ${topic}`);
  }

  receiver(adapter: Adapter, topic: string, subscription = "a", startFrom: Source["startFrom"] = "earliest") {
    const source = { topic, subscription, startFrom };
    return this.run(adapter.openReceiver(source), `opening a receiver on ${topic}/${subscription}`);
  }

  /** The dead letters of a subscription, the way core opens them. */
  deadLetters(adapter: Adapter, topic: string, subscription = "a") {
    const opening =
      adapter.openDeadLetters?.({ topic, subscription }) ??
      adapter.openReceiver({ topic: deadTopic(topic, subscription), subscription, startFrom: "earliest" });
    return this.run(opening, `opening the dead letters of ${ownTopic(topic, subscription)}`);
  }

  bus(adapter: Adapter, options: Partial<BusOptions> = {}): Bus {
    const bus = createBus({
      source: "/conformance",
      clock: this.time.clock,
      random: () => 0,
      ...(options.adapters === undefined ? { adapter } : {}),
      ...options,
    });
    this.#close.unshift(() => bus.close());
    return bus;
  }

  /** Awaits while time passes: nothing else moves a manual clock. */
  async run<T>(promise: Promise<T>, what: string, maxMs?: number): Promise<T> {
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    await this.time.until(() => settled, what, maxMs);
    return promise;
  }

  /** A message as this sender's broker carries events: with headers where there are some. */
  message(sender: Sender, id: string, { key, data = { id } }: EventParts = {}): OutboundMessage {
    return codec.encode(rawEvent(id, key, data), { headers: sender.capabilities.headers });
  }

  /** Sends, in batches that the sender takes, and answers the outcomes. */
  async trySend(sender: Sender, messages: readonly OutboundMessage[]): Promise<Outcome[]> {
    const { maxSendBatch, maxSendBatchBytes, maxMessageBytes } = sender.capabilities;
    const outcomes: Outcome[] = [];
    for (let from = 0; from < messages.length; ) {
      let to = from;
      for (let bytes = 0; to < messages.length && to - from < maxSendBatch; to++) {
        bytes += sender.measure?.(messages[to]!) ?? maxMessageBytes;
        if (to > from && bytes > maxSendBatchBytes) break;
      }
      const sent = await this.run(sender.send(messages.slice(from, to), this.signal), "a send");
      assert.equal(sent.length, to - from, "send answers one outcome for each message");
      outcomes.push(...sent);
      from = to;
    }
    return outcomes;
  }

  async send(sender: Sender, ...messages: readonly OutboundMessage[]): Promise<void> {
    for (const outcome of await this.trySend(sender, messages)) assertOk(outcome, "a message is taken");
  }

  /** Sends events of these ids, all of one key if one is given. */
  async publish(sender: Sender, ids: readonly string[], key?: string): Promise<void> {
    await this.send(sender, ...ids.map((id) => this.message(sender, id, { key })));
  }

  /** A foreign producer's message. */
  async put(topic: string, message: WireMessage): Promise<void> {
    const { put } = this.harness;
    if (put !== undefined) return this.run(put(topic, this.subscriptionsOf(topic), message), "a foreign message");
    await this.send(await this.sender(await this.open(), topic), message);
  }

  want(want: Partial<Want> = {}, receiver?: Receiver): Want {
    return { max: receiver?.capabilities.maxReceiveBatch ?? 1, maxBytes: AMPLE_BYTES, pausedLanes: NONE, ...want };
  }

  receive(receiver: Receiver, want: Partial<Want> = {}, signal = this.signal): Promise<readonly Delivery[]> {
    return this.run(receiver.receive(this.want(want, receiver), signal), "a receive");
  }

  /** Receives until `count` deliveries are in hand; throws when they do not come. */
  async take(receiver: Receiver, count: number, { want = {} as Partial<Want>, maxMs = 0 } = {}): Promise<Delivery[]> {
    const taken: Delivery[] = [];
    await this.#repeat(
      async () => {
        const max = Math.min(want.max ?? receiver.capabilities.maxReceiveBatch, count - taken.length);
        taken.push(...(await this.receive(receiver, { ...want, max })));
        return taken.length >= count;
      },
      () => `${count} deliveries; ${taken.length} came: ${idsOf(taken).slice(0, 10).join(", ")}`,
      maxMs,
    );
    return taken;
  }

  async takeOne(receiver: Receiver, maxMs = 0): Promise<Delivery> {
    return (await this.take(receiver, 1, { maxMs }))[0]!;
  }

  /**
   * Receives and acks until all of `ids` have come; answers what came, in order of arrival. While lanes are `moving` from one receiver to another
   * an ack may come too late: what it was for comes again.
   */
  async drainIds(
    receivers: Receiver | readonly Receiver[],
    ids: Iterable<string>,
    { moving = false }: { moving?: boolean } = {},
  ): Promise<string[]> {
    const missing = new Set(ids);
    const came: string[] = [];
    const all = Array.isArray(receivers) ? (receivers as readonly Receiver[]) : [receivers as Receiver];
    await this.#repeat(
      async () => {
        for (const receiver of all) {
          const batch = await this.receive(receiver);
          const acks = batch.map((delivery) => ({ delivery, kind: "ack" }) as const);
          if (moving) await this.trySettle(receiver, ...acks);
          else if (batch.length > 0) await this.settle(receiver, ...acks);
          for (const id of idsOf(batch)) {
            came.push(id);
            missing.delete(id);
          }
        }
        return missing.size === 0;
      },
      () => `${[...missing].slice(0, 10).join(", ")} (${missing.size} missing, ${came.length} came)`,
      0,
    );
    return came;
  }

  /** Nothing arrives for a while. */
  async nothing(receiver: Receiver, what: string, ms = this.time.quietMs, want: Partial<Want> = {}): Promise<void> {
    const { clock } = this.time;
    for (const endMs = clock.now() + ms; clock.now() < endMs; ) {
      const enough = new AbortController();
      const timer = clock.after(endMs - clock.now(), () => enough.abort());
      const batch = await this.receive(receiver, want, enough.signal);
      timer.clear();
      assert.deepEqual(idsOf(batch), [], what);
      await this.time.pass(Math.max(0, Math.min(50, endMs - clock.now())));
    }
  }

  trySettle(receiver: Receiver, ...settlements: readonly Settlement[]): Promise<readonly Outcome[]> {
    return this.run(receiver.settle(settlements, this.signal), "a settlement");
  }

  async settle(receiver: Receiver, ...settlements: readonly Settlement[]): Promise<void> {
    const outcomes = await this.trySettle(receiver, ...settlements);
    assert.equal(outcomes.length, settlements.length, "settle answers one outcome for each settlement");
    for (const [index, outcome] of outcomes.entries()) assertOk(outcome, `${settlements[index]!.kind} works`);
  }

  async ack(receiver: Receiver, ...deliveries: readonly Delivery[]): Promise<void> {
    await this.settle(receiver, ...deliveries.map((delivery) => ({ delivery, kind: "ack" }) as const));
  }

  /** Closes everything; what cannot be closed any more is no failure of the case. */
  async end(): Promise<void> {
    for (const close of this.#close) await this.run(close(), "closing", 60_000).catch(() => undefined);
    await this.harness.close?.();
  }

  async #repeat(step: () => Promise<boolean>, what: () => string, maxMs: number): Promise<void> {
    const { clock } = this.time;
    const patienceMs = maxMs > 0 ? maxMs : this.harness.time.quietMs * 40;
    for (const endMs = clock.now() + patienceMs; ; ) {
      if (await step()) return;
      if (clock.now() >= endMs) throw new Error(`Waited ${patienceMs} ms in vain for ${what()}.`);
      // A receiver that answers at once must not keep a manual clock standing.
      await this.time.pass(5);
    }
  }
}
