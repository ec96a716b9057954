import type { OutboundMessage, WireMessage } from "@waybill/core/spi";
import { type Admin, isDead } from "./admin.ts";
import { memoryErrors } from "./errors.ts";
import type { Settings } from "./options.ts";

/** Where a sender's messages go. */
export interface Target {
  /** A dead-letter place: the switch that takes those down takes this one down. */
  readonly dead: boolean;
  /** What keeps order together with this message; to be asked once for each message, for keyless ones take turns. */
  lane(message: OutboundMessage): number;
  /** `visibleMs` 0: at once. */
  put(message: WireMessage, lane: number, visibleMs: number, expiresMs: number): void;
  /** Tells those who wait. Once after a batch. */
  wake(): void;
}

/** The log, queue or fan-out behind a logical topic. */
export function openTarget(topic: string, admin: Admin, settings: Settings): Target {
  const dead = isDead(topic);
  const { profile, broker, declared, like } = settings;
  if (admin.isQueue(topic)) {
    const queue = admin.queue(topic);
    return {
      dead,
      lane: () => 0,
      put: (message, _lane, visibleMs, expiresMs) => queue.put(message, visibleMs, expiresMs),
      wake: () => queue.wake.wake(),
    };
  }
  if (profile.storage === "log") {
    const log = admin.log(topic);
    return {
      dead,
      lane: (message) => log.partitionOf(message.key),
      put: (message, lane, visibleMs) => {
        if (visibleMs > 0) log.schedule(message, visibleMs);
        else log.append(message, lane);
      },
      wake: () => log.wake(),
    };
  }
  if (!profile.sender.fanOut && (declared(topic)?.length ?? 0) === 0) {
    throw memoryErrors.WB_MEMORY_NO_SUBSCRIPTIONS({ topic, like });
  }
  const fanOut = admin.fanOut(topic);
  return {
    dead,
    lane: () => 0,
    put: (message, _lane, visibleMs, expiresMs) => {
      if (!fanOut.isDuplicate(message.id, broker.clock.now())) fanOut.put(message, visibleMs, expiresMs);
    },
    wake: () => fanOut.wake(),
  };
}
