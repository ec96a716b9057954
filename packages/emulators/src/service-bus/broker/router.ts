import { AmqpError } from "../../amqp/amqp-error.ts";
import type { Clock } from "../../clock.ts";
import { EvaluationError } from "../rules/sql-evaluate.ts";
import {
  bytesProperty,
  entityDisabled,
  headerTooLarge,
  internalError,
  notAllowed,
  notFound,
  quotaExceeded,
  tooLarge,
} from "./conditions.ts";
import { type Content, withApplicationProperties } from "./content.ts";
import type { QueueEntity, Routes, SubscriptionEntity, TopicEntity } from "./entity.ts";
import { pathOf } from "./entity.ts";
import { type Arrival, reason } from "./message-queue.ts";
import type { StoredMessage } from "./stored-message.ts";

/** Forwarded more often than this, a message goes to the transfer dead-letter store. */
const MAX_HOPS = 4;

type Target = QueueEntity | TopicEntity;

interface Way {
  readonly hops: number;
  readonly deadLetterSource?: string | undefined;
}

/** The ways of a message: from a sender, from a schedule, on to another entity, and to the dead letters. */
export class Router implements Routes {
  private readonly clock: Clock;
  private readonly find: (name: string) => Target | undefined;

  constructor(clock: Clock, find: (name: string) => Target | undefined) {
    this.clock = clock;
    this.find = find;
  }

  /** Takes all of a batch or none. Throws the condition that refuses it. */
  send(entity: Target, contents: readonly Content[]): void {
    for (const content of contents) this.check(entity, content);
    this.checkQuota(entity, contents);
    for (const content of contents) this.take(entity, content);
  }

  /** The number that cancels it. */
  schedule(entity: Target, content: Content): number {
    this.check(entity, content);
    this.checkQuota(entity, [content]);
    const number = nextNumber(entity);
    if (!this.isDuplicate(entity, content))
      entity.scheduled.add(content, number, content.notBefore ?? this.clock.now());
    return number;
  }

  due(entity: Target, content: Content): void {
    this.arrive(entity, content, { hops: 0 });
  }

  deadLetter(entity: QueueEntity | SubscriptionEntity, content: Content, message: StoredMessage): void {
    const target = entity.settings.forwardDeadLetteredMessagesTo;
    const arrival = {
      enqueuedSequenceNumber: message.enqueuedSequenceNumber ?? message.sequenceNumber,
      enqueuedAt: message.enqueuedAt,
      deliveryCount: message.deliveryCount,
    };
    if (target === undefined) entity.stores.deadLetters.enqueue(content, arrival);
    else this.forward(entity, target, content, { hops: 0, deadLetterSource: pathOf(entity) });
  }

  private check(entity: Target, content: Content): void {
    const { status, maxMessageSizeInKilobytes } = entity.settings;
    if (status === "Disabled" || status === "SendDisabled") throw entityDisabled(entity.name);
    const limit = maxMessageSizeInKilobytes * 1024;
    if (content.size > limit) throw tooLarge(content.size, limit);
    checkHeader(content);
    if (entity.kind === "queue" && entity.settings.requiresSession && content.sessionId === undefined)
      throw notAllowed(
        `The message has no session id; '${entity.name}' requires sessions and takes only messages that have one.`,
      );
    if (
      content.sessionId !== undefined &&
      content.partitionKey !== undefined &&
      content.sessionId !== content.partitionKey
    )
      throw notAllowed("The partition key and the session id of a message must be equal when both are set.");
    for (const id of [content.messageId, content.sessionId, content.partitionKey])
      if (id !== undefined && id.length > 128)
        throw notAllowed("Message id, session id and partition key have at most 128 characters.");
  }

  private checkQuota(entity: Target, contents: readonly Content[]): void {
    const incoming = contents.reduce((sum, { size }) => sum + size, 0);
    if (bytesOf(entity) + incoming > entity.settings.maxSizeInMegabytes * 1024 * 1024) throw quotaExceeded(entity.name);
  }

  private take(entity: Target, content: Content): void {
    if (this.isDuplicate(entity, content)) return;
    const { notBefore } = content;
    if (notBefore !== undefined && notBefore > this.clock.now())
      entity.scheduled.add(content, nextNumber(entity), notBefore);
    else this.arrive(entity, content, { hops: 0 });
  }

  private isDuplicate(entity: Target, content: Content): boolean {
    const { requiresDuplicateDetection, duplicateDetectionHistoryTimeWindowMs, enablePartitioning } = entity.settings;
    if (!requiresDuplicateDetection) return false;
    const partition = enablePartitioning ? `\u0000${content.sessionId ?? content.partitionKey ?? ""}` : "";
    return entity.duplicates.isDuplicate(
      content.messageId + partition,
      this.clock.now(),
      duplicateDetectionHistoryTimeWindowMs,
    );
  }

  private arrive(entity: Target, content: Content, way: Way): void {
    if (entity.kind === "queue") {
      this.land(entity, content, way, entity.settings.defaultMessageTimeToLiveMs, undefined);
      return;
    }
    const number = nextNumber(entity);
    for (const subscription of [...entity.subscriptions.values()]) this.fanOut(subscription, content, way, number);
  }

  private fanOut(subscription: SubscriptionEntity, content: Content, way: Way, number: number): void {
    const ttlMs = Math.min(
      subscription.settings.defaultMessageTimeToLiveMs,
      subscription.topic.settings.defaultMessageTimeToLiveMs,
    );
    let copies: Content[];
    try {
      copies = copiesFor(subscription, content);
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      if (subscription.settings.deadLetteringOnFilterEvaluationExceptions)
        subscription.stores.deadLetters.enqueue(
          withApplicationProperties(content, reason("FilterEvaluationException", error.message)),
          { enqueuedSequenceNumber: number },
        );
      return;
    }
    for (const copy of copies) this.land(subscription, copy, way, ttlMs, number);
  }

  private land(
    entity: QueueEntity | SubscriptionEntity,
    content: Content,
    way: Way,
    defaultTtlMs: number,
    enqueuedSequenceNumber: number | undefined,
  ): void {
    const { forwardTo } = entity.settings;
    if (forwardTo !== undefined) {
      this.forward(entity, forwardTo, content, { ...way, hops: way.hops + 1 });
      return;
    }
    if (entity.settings.requiresSession && content.sessionId === undefined) {
      const text = "The message has no session id, which this entity requires.";
      entity.stores.deadLetters.enqueue(withApplicationProperties(content, reason("Session id is null", text)), {
        enqueuedSequenceNumber,
      });
      return;
    }
    const arrival: Arrival = {
      ttlMs: Math.min(content.ttlMs, defaultTtlMs),
      enqueuedSequenceNumber,
      deadLetterSource: way.deadLetterSource,
    };
    entity.stores.main.enqueue(content, arrival);
  }

  /** What cannot be forwarded is kept in the source's transfer dead-letter store, with the reason. */
  private forward(source: QueueEntity | SubscriptionEntity, name: string, content: Content, way: Way): void {
    try {
      if (way.hops > MAX_HOPS)
        throw new AmqpError("MaxTransferHopCountExceeded", `A message is forwarded at most ${MAX_HOPS} times.`);
      const target = this.find(name);
      if (target === undefined) throw notFound(name);
      this.check(target, content);
      this.checkQuota(target, [content]);
      if (!this.isDuplicate(target, content)) this.arrive(target, content, way);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      source.stores.transferDeadLetters.enqueue(
        withApplicationProperties(content, reason(error.condition, error.message)),
        { deadLetterSource: way.deadLetterSource },
      );
    }
  }
}

/** Rules without an action make one copy together, each rule with an action makes its own. */
function copiesFor(subscription: SubscriptionEntity, content: Content): Content[] {
  const copies: Content[] = [];
  let plain = false;
  for (const rule of subscription.rules.values()) {
    if (!rule.matches(content)) continue;
    if (rule.apply !== undefined) copies.push(rule.apply(content));
    else if (!plain) {
      plain = true;
      copies.push(content);
    }
  }
  return copies;
}

function nextNumber(entity: Target): number {
  if (entity.kind === "queue") return entity.stores.main.nextSequenceNumber();
  entity.sequence += 1;
  entity.journal.numberUsed(entity.sequence);
  return entity.sequence;
}

/** Source: Service Bus quotas; the service counts a property's bytes in 15 bits. */
const MAX_HEADER_BYTES = 65_536;
const MAX_PROPERTY_BYTES = 32_767;

/** What a message has beside its body. */
function checkHeader({ size, sections }: Content): void {
  if (size - sections.body.length > MAX_HEADER_BYTES) throw headerTooLarge(MAX_HEADER_BYTES);
  for (const { value, raw } of sections.applicationProperties.values()) {
    if (Buffer.isBuffer(value)) throw bytesProperty();
    if (
      raw.bytes.length > MAX_PROPERTY_BYTES &&
      typeof value === "string" &&
      Buffer.byteLength(value) > MAX_PROPERTY_BYTES
    )
      throw internalError();
  }
}

/** Dead letters count towards the size of an entity; a topic's is that of its subscriptions. */
export function bytesOf(entity: QueueEntity | TopicEntity | SubscriptionEntity): number {
  if (entity.kind === "topic") {
    let sum = entity.scheduled.bytes;
    for (const subscription of entity.subscriptions.values()) sum += bytesOf(subscription);
    return sum;
  }
  const { main, deadLetters, transferDeadLetters } = entity.stores;
  const scheduled = entity.kind === "queue" ? entity.scheduled.bytes : 0;
  return main.bytes + deadLetters.bytes + transferDeadLetters.bytes + scheduled;
}
