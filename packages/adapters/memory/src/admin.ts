import { type Backlog, counted, deadTopic, ownTopic, type Source, type WireMessage } from "@waybill/core/spi";
import { FanOut } from "./broker/fan-out.ts";
import { Group } from "./broker/group.ts";
import { Log } from "./broker/log.ts";
import { Queue } from "./broker/queue.ts";
import { SessionQueue } from "./broker/session-queue.ts";
import { memoryErrors } from "./errors.ts";
import { deadLetterRecord } from "./mapping.ts";
import type { Settings } from "./options.ts";

type Place = Omit<Source, "startFrom">;

/** Finds the entities behind logical names, and makes those that are missing. */
export class Admin {
  readonly #s: Settings;

  constructor(settings: Settings) {
    this.#s = settings;
  }

  /** Throws what opening a sender or receiver of the source would. */
  check(source: Place): void {
    const { physical, declared, profile, like } = this.#s;
    const { topic, subscription } = source;
    physical(topic);
    physical(ownTopic(topic, subscription));
    if (!profile.sender.fanOut && (declared(topic)?.length ?? 0) === 0) {
      throw memoryErrors.WB_MEMORY_NO_SUBSCRIPTIONS({ topic, like });
    }
    this.#checkDeclared(source);
  }

  /** True when the name stands for a queue, false for a topic with subscriptions. */
  isQueue(topic: string): boolean {
    const { storage, deadLetterStore } = this.#s.profile;
    return storage === "log" ? deadLetterStore && isDead(topic) : topic.includes("/");
  }

  log(topic: string): Log {
    const { broker, physical, profile, declared } = this.#s;
    const name = physical(topic);
    let log = broker.logs.get(name);
    if (log === undefined) {
      log = new Log(name, topic.includes("/") ? 1 : profile.lanes, profile.retain);
      broker.logs.set(name, log);
    }
    for (const subscription of declared(topic) ?? []) this.#groupOn(log, { topic, subscription });
    return log;
  }

  group(source: Source): Group {
    this.#checkDeclared(source);
    const log = this.log(source.topic);
    const group = this.#groupOn(log, source);
    group.position(log, source.startFrom);
    return group;
  }

  fanOut(topic: string): FanOut {
    const { broker, physical, declared, dedupeMs } = this.#s;
    const name = physical(topic);
    let fanOut = broker.fanOuts.get(name);
    if (fanOut === undefined) {
      fanOut = new FanOut(dedupeMs);
      broker.fanOuts.set(name, fanOut);
    }
    for (const subscription of declared(topic) ?? []) {
      const own = ownTopic(topic, subscription);
      fanOut.subscriptions.set(own, this.queue(own));
    }
    return fanOut;
  }

  /** The queue that a subscription reads; from now on its topic's messages reach it. */
  subscriptionQueue(source: Place): Queue | SessionQueue {
    const { topic, subscription } = source;
    if (this.isQueue(topic)) return this.queue(topic);
    this.#checkDeclared(source);
    const own = ownTopic(topic, subscription);
    const queue = this.queue(own);
    this.fanOut(topic).subscriptions.set(own, queue);
    return queue;
  }

  queue(name: string): Queue | SessionQueue {
    const { broker, physical, profile, leaseMs } = this.#s;
    const key = physical(name);
    const known = broker.queues.get(key);
    if (known !== undefined) return known;
    const [topic = "", subscription = ""] = name.split("/");
    const dead = isDead(name);
    const common = { source: name, clock: broker.clock, leaseMs };
    const queue = dead
      ? new Queue({ ...common, maxDeliveryCount: Number.POSITIVE_INFINITY })
      : new (profile.storage === "sessions" ? SessionQueue : Queue)({
          ...common,
          lanes: profile.lanes,
          maxDeliveryCount: profile.maxDeliveryCount,
          exhausted: (message, attempts) => this.#exhausted({ topic, subscription }, message, attempts),
        });
    broker.queues.set(key, queue);
    return queue;
  }

  /** Where a broker with its own store puts what a subscription rejects. */
  deadQueue({ topic, subscription }: Place): Queue {
    return this.queue(deadTopic(topic, subscription)) as Queue;
  }

  backlog(source: Place): Backlog {
    const { broker, physical, profile } = this.#s;
    const { topic, subscription } = source;
    const now = broker.clock.now();
    if (profile.storage === "log" && !this.isQueue(topic)) {
      const group = broker.groups.get(physical(ownTopic(topic, subscription)));
      return group === undefined ? { events: 0 } : { events: group.backlog, oldestMs: age(group.oldestMs(), now) };
    }
    const queue = broker.queues.get(physical(this.isQueue(topic) ? topic : ownTopic(topic, subscription)));
    return queue === undefined ? { events: 0 } : { events: queue.size, oldestMs: age(queue.oldestMs(), now) };
  }

  #groupOn(log: Log, { topic, subscription }: Place): Group {
    const { broker, physical, profile } = this.#s;
    const own = ownTopic(topic, subscription);
    const name = physical(own);
    let group = broker.groups.get(name);
    if (group === undefined) {
      group = new Group(own);
      broker.groups.set(name, group);
      group.attach(log);
      if (profile.returnTo) group.attach(this.log(own));
    }
    return group;
  }

  #checkDeclared({ topic, subscription }: Place): void {
    const declared = this.#s.declared(topic);
    if (declared === undefined || this.#s.profile.sender.fanOut || declared.includes(subscription)) return;
    throw memoryErrors.WB_MEMORY_SUBSCRIPTION_UNDECLARED({ topic, subscription });
  }

  #exhausted(source: Place, message: WireMessage, attempts: number): boolean {
    const { broker, profile } = this.#s;
    if (!profile.receiver.reject || broker.isDeadLetterDown) return false;
    const time = new Date(broker.clock.now()).toISOString();
    const error = `The broker delivered it ${counted(attempts, "time")}.`;
    const reason = { reason: "max-deliveries", error, attempts, ...source, firstFailure: time, time };
    const dead = this.deadQueue(source);
    dead.put(deadLetterRecord(message, reason), 0, Number.POSITIVE_INFINITY);
    dead.wake.wake();
    return true;
  }
}

export function isDead(topic: string): boolean {
  return topic.endsWith("/dead");
}

function age(takenMs: number | undefined, nowMs: number): number | undefined {
  return takenMs === undefined ? undefined : Math.max(0, nowMs - takenMs);
}
