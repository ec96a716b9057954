import type { AmqpError } from "../../amqp/amqp-error.ts";
import type { Entry } from "../../amqp/sections.ts";
import type { Clock } from "../../clock.ts";
import { newUuid } from "../lock-token.ts";
import { messageLockLost, messageNotFound, notAllowed, sessionLockLost } from "./conditions.ts";
import { asEntries, type Content, withApplicationProperties } from "./content.ts";
import { ReadyHeap } from "./ready-heap.ts";
import { SessionTable } from "./session-table.ts";
import type { StoreJournal } from "./store-journal.ts";
import type { Lock, MessageState, SessionHold, Settlement, StoredMessage } from "./stored-message.ts";

/** A receiver. Called synchronously; `deliver` uses credit up. */
export interface Consumer {
  readonly credit: number;
  /** Messages are gone when they are delivered. */
  readonly receiveAndDelete: boolean;
  readonly session: SessionHold | undefined;
  deliver(message: StoredMessage, lock: Lock | undefined): void;
}

export interface MessageQueueOptions {
  readonly clock: Clock;
  readonly lockDurationMs: () => number;
  readonly maxDeliveryCount: () => number;
  readonly requiresSession: boolean;
  readonly deadLettersExpired: () => boolean;
  /** Where dead letters of this one go; undefined: this is a dead-letter store, where nothing is counted and nothing expires. */
  readonly deadLetter: ((content: Content, message: StoredMessage) => void) | undefined;
  readonly journal: StoreJournal;
}

export interface Arrival {
  readonly enqueuedSequenceNumber?: number | undefined;
  readonly enqueuedAt?: number | undefined;
  readonly deadLetterSource?: string | undefined;
  /** Of a dead letter: it keeps the count that it had. Default 0. */
  readonly deliveryCount?: number;
  readonly ttlMs?: number;
  readonly state?: MessageState;
}

/** A message as it was written down. */
export type KeptMessage = Omit<StoredMessage, "lock" | "queued" | "removed" | "expiry">;

/** Holds messages and gives them out: locks, counts, deferral, expiry, sessions. Pure: no I/O, no time but the clock's. */
export class MessageQueue {
  private readonly options: MessageQueueOptions;
  private readonly messages = new Map<number, StoredMessage>();
  private readonly ready = new ReadyHeap();
  private readonly locks = new Map<string, Lock>();
  private readonly consumers = new Set<Consumer>();
  private pumping = false;
  private sequence = 0;
  readonly sessions: SessionTable;
  bytes = 0;

  constructor(options: MessageQueueOptions) {
    this.options = options;
    this.sessions = new SessionTable({
      clock: options.clock,
      lockDurationMs: options.lockDurationMs,
      journal: options.journal,
      onReleased: (hold, count) => {
        for (const lock of [...hold.locks.values()]) this.giveBack(lock, count);
      },
    });
  }

  get requiresSession(): boolean {
    return this.options.requiresSession;
  }

  get size(): number {
    return this.messages.size;
  }

  get consumerCount(): number {
    return this.consumers.size;
  }

  nextSequenceNumber(): number {
    this.sequence += 1;
    this.options.journal.numberUsed(this.sequence);
    return this.sequence;
  }

  enqueue(content: Content, arrival: Arrival = {}): StoredMessage {
    const now = this.options.clock.now();
    const sequenceNumber = this.nextSequenceNumber();
    const message = this.place({
      content,
      sequenceNumber,
      enqueuedSequenceNumber: arrival.enqueuedSequenceNumber,
      enqueuedAt: arrival.enqueuedAt ?? now,
      expiresAt:
        this.options.deadLetter === undefined ? Number.POSITIVE_INFINITY : now + (arrival.ttlMs ?? content.ttlMs),
      deadLetterSource: arrival.deadLetterSource,
      state: arrival.state ?? "active",
      deliveryCount: arrival.deliveryCount ?? 0,
    });
    this.options.journal.stored(message);
    this.makeReady(message);
    return message;
  }

  /** Puts back what was here before a restart, in the order of the numbers. `lastNumber`: no number up to it comes again. */
  restore(messages: Iterable<KeptMessage>, lastNumber: number): void {
    for (const kept of messages) this.makeReady(this.place(kept));
    this.sequence = Math.max(this.sequence, lastNumber);
  }

  attach(consumer: Consumer): void {
    this.consumers.add(consumer);
    this.pump();
  }

  /** The receiver leaves. Locks that it holds stay until they run out; a session's come back at once. */
  detach(consumer: Consumer): void {
    if (!this.consumers.delete(consumer)) return;
    if (consumer.session !== undefined) this.sessions.release(consumer.session);
  }

  /** Gives out what can be given out. Receivers take turns. */
  pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    try {
      for (let delivered = true; delivered; ) {
        delivered = false;
        for (const consumer of this.consumers) {
          if (consumer.credit <= 0) continue;
          const message = this.next(consumer);
          if (message === undefined) continue;
          delivered = true;
          // Whoever was served goes to the back of the row.
          this.consumers.delete(consumer);
          this.consumers.add(consumer);
          this.give(message, consumer);
          break;
        }
      }
    } finally {
      this.pumping = false;
    }
  }

  /** Undefined when it is done; otherwise why not. */
  settle(key: string, settlement: Settlement): AmqpError | undefined {
    const { session } = this.locks.get(key) ?? {};
    const lock = this.lockOf(key);
    if (lock === undefined) return session === undefined ? messageLockLost() : sessionLockLost(session.id);
    if (lock.session?.over === true) return sessionLockLost(lock.session.id);
    const { message } = lock;
    if (settlement.kind === "dead-letter" && this.options.deadLetter === undefined)
      return notAllowed("A message in a dead-letter queue cannot be dead-lettered.");
    switch (settlement.kind) {
      case "complete":
        this.unlock(lock);
        this.remove(message);
        break;
      case "release":
        this.giveBack(lock, false);
        break;
      case "abandon":
        message.content = withApplicationProperties(message.content, asEntries(settlement.properties));
        this.giveBack(lock, true);
        break;
      case "defer":
        message.content = withApplicationProperties(message.content, asEntries(settlement.properties));
        message.state = "deferred";
        this.giveBack(lock, true);
        break;
      case "dead-letter": {
        this.unlock(lock);
        const changes = asEntries(settlement.properties);
        if (settlement.reason !== undefined)
          changes.set("DeadLetterReason", asEntries([["", settlement.reason]]).get("")!);
        if (settlement.description !== undefined)
          changes.set("DeadLetterErrorDescription", asEntries([["", settlement.description]]).get("")!);
        this.toDeadLetters(message, changes);
        break;
      }
    }
    this.pump();
    return undefined;
  }

  /** The new end of the lock. Throws when it is lost. */
  renew(key: string): number {
    const lock = this.lockOf(key);
    if (lock === undefined || lock.session !== undefined) throw messageLockLost();
    lock.until = this.options.clock.now() + this.options.lockDurationMs();
    this.arm(lock);
    return lock.until;
  }

  /** Ends a lock now, as if its time had come. False when there is none. */
  expireLock(key: string): boolean {
    const lock = this.locks.get(key);
    if (lock === undefined) return false;
    if (lock.session !== undefined) this.sessions.lose(lock.session);
    else this.giveBack(lock, true);
    this.pump();
    return true;
  }

  /** Undefined when it is lost. A lock whose time is over is lost, also when its timer comes late. */
  lockOf(key: string): Lock | undefined {
    const lock = this.locks.get(key);
    const until = lock?.session?.until ?? lock?.until;
    if (until === undefined || until > this.options.clock.now()) return lock;
    this.expireLock(key);
    return undefined;
  }

  heldLocks(): IterableIterator<Lock> {
    return this.locks.values();
  }

  /** Messages from a number on, whatever their state, in order. Nothing is locked. */
  peek(from: number, max: number, sessionId: string | undefined): StoredMessage[] {
    const found: StoredMessage[] = [];
    for (const message of this.messages.values()) {
      if (found.length >= max) break;
      if (message.sequenceNumber < from) continue;
      if (sessionId !== undefined && message.content.sessionId !== sessionId) continue;
      found.push(message);
    }
    return found;
  }

  /** Deferred messages by number, all of them or an error. Locks are undefined when they are received and deleted. */
  receiveDeferred(
    sequenceNumbers: readonly number[],
    receiveAndDelete: boolean,
    session: SessionHold | undefined,
  ): { message: StoredMessage; lock: Lock | undefined }[] {
    const found = sequenceNumbers.map((sequenceNumber) => {
      const message = this.messages.get(sequenceNumber);
      const isOurs = session === undefined || message?.content.sessionId === session.id;
      if (message === undefined || message.state !== "deferred" || message.lock !== undefined || !isOurs)
        throw messageNotFound(sequenceNumber);
      return message;
    });
    return found.map((message) => {
      if (receiveAndDelete) this.remove(message);
      return { message, lock: receiveAndDelete ? undefined : this.lock(message, session) };
    });
  }

  /** Removes up to `max` ready messages that came before the moment. */
  deleteBatch(max: number, enqueuedBefore: number, sessionId: string | undefined): number {
    let deleted = 0;
    for (const message of this.messages.values()) {
      if (deleted >= max) break;
      if (message.lock !== undefined || message.state !== "active" || message.enqueuedAt >= enqueuedBefore) continue;
      if (sessionId !== undefined && message.content.sessionId !== sessionId) continue;
      this.remove(message);
      deleted += 1;
    }
    return deleted;
  }

  all(): IterableIterator<StoredMessage> {
    return this.messages.values();
  }

  clear(): void {
    for (const message of [...this.messages.values()]) {
      if (message.lock !== undefined) this.unlock(message.lock);
      this.remove(message);
    }
    for (const hold of [...this.sessions.held()]) this.sessions.release(hold);
  }

  private place(kept: KeptMessage): StoredMessage {
    const message: StoredMessage = { ...kept, lock: undefined, queued: false, removed: false, expiry: undefined };
    this.sequence = Math.max(this.sequence, message.sequenceNumber);
    this.messages.set(message.sequenceNumber, message);
    this.bytes += message.content.size;
    if (message.expiresAt !== Number.POSITIVE_INFINITY)
      message.expiry = this.options.clock.at(message.expiresAt, () => this.expire(message));
    return message;
  }

  private makeReady(message: StoredMessage): void {
    if (message.state !== "active") return;
    const { sessionId } = message.content;
    if (this.options.requiresSession && sessionId !== undefined) {
      this.sessions.ready(sessionId).push(message);
      this.sessions.offer(sessionId);
    } else this.ready.push(message);
    this.pump();
  }

  private next(consumer: Consumer): StoredMessage | undefined {
    if (consumer.session === undefined) return this.options.requiresSession ? undefined : this.ready.pop();
    return consumer.session.over ? undefined : this.sessions.ready(consumer.session.id).pop();
  }

  private give(message: StoredMessage, consumer: Consumer): void {
    if (consumer.receiveAndDelete) {
      this.remove(message);
      consumer.deliver(message, undefined);
    } else consumer.deliver(message, this.lock(message, consumer.session));
  }

  private lock(message: StoredMessage, session: SessionHold | undefined): Lock {
    const token = newUuid();
    const until = session?.until ?? this.options.clock.now() + this.options.lockDurationMs();
    const lock: Lock = { token, key: token.bytes.toString("hex"), message, session, until, timer: undefined };
    message.lock = lock;
    this.locks.set(lock.key, lock);
    if (session === undefined) this.arm(lock);
    else session.locks.set(lock.key, lock);
    return lock;
  }

  private arm(lock: Lock): void {
    lock.timer?.cancel();
    lock.timer = this.options.clock.at(lock.until, () => {
      this.giveBack(lock, true);
      this.pump();
    });
  }

  private unlock(lock: Lock): void {
    lock.timer?.cancel();
    lock.message.lock = undefined;
    this.locks.delete(lock.key);
    lock.session?.locks.delete(lock.key);
  }

  private giveBack(lock: Lock, countDelivery: boolean): void {
    const { message } = lock;
    this.unlock(lock);
    if (message.removed) return;
    if (countDelivery && this.options.deadLetter !== undefined) {
      message.deliveryCount += 1;
      const max = this.options.maxDeliveryCount();
      if (message.deliveryCount >= max && message.state === "active") {
        this.toDeadLetters(
          message,
          reason("MaxDeliveryCountExceeded", `Message could not be consumed after ${max} delivery attempts.`),
        );
        return;
      }
    }
    if (countDelivery) this.options.journal.changed(message);
    if (message.expiresAt <= this.options.clock.now()) this.expire(message);
    else this.makeReady(message);
  }

  /** Its time is over. A message that somebody holds goes when it comes back. */
  private expire(message: StoredMessage): void {
    if (message.removed || message.lock !== undefined) return;
    if (this.options.deadLettersExpired())
      this.toDeadLetters(message, reason("TTLExpiredException", "The message expired and was dead lettered."));
    else this.remove(message);
  }

  private toDeadLetters(message: StoredMessage, changes: ReadonlyMap<string, Entry>): void {
    this.remove(message);
    this.options.deadLetter?.(withApplicationProperties(message.content, changes), message);
  }

  private remove(message: StoredMessage): void {
    if (message.removed) return;
    message.removed = true;
    message.expiry?.cancel();
    this.messages.delete(message.sequenceNumber);
    this.bytes -= message.content.size;
    this.options.journal.removed(message);
  }
}

/** The properties that name the reason of a dead letter. */
export function reason(name: string, description: string): Map<string, Entry> {
  return asEntries([
    ["DeadLetterReason", name],
    ["DeadLetterErrorDescription", description],
  ]);
}
