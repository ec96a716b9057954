import { AmqpError } from "../../amqp/amqp-error.ts";
import type { AttachRequest } from "../../amqp/attach-request.ts";
import type { OutgoingLink } from "../../amqp/outgoing-link.ts";
import { Described, long } from "../../amqp/values.ts";
import type { Clock } from "../../clock.ts";
import { noSession } from "../broker/conditions.ts";
import type { MessageQueue } from "../broker/message-queue.ts";
import type { SessionHold } from "../broker/stored-message.ts";
import { acceptReceiver, type ReceiveOptions } from "./receive-link.ts";

export const SESSION_FILTER = "com.microsoft:session-filter";
const DEFAULT_WAIT_MS = 60_000;
/** .NET counts 100 ns from the year 1. */
const TICKS_AT_1970 = 621_355_968_000_000_000n;

/** Asks for one session, or for the next free one: then the attach stays unanswered until there is one. */
export function acceptSession(
  request: AttachRequest,
  store: MessageQueue,
  clock: Clock,
  options: Omit<ReceiveOptions, "session" | "reply"> & { readonly onOpen: (link: OutgoingLink) => void },
): void {
  const asked = request.filter.get(SESSION_FILTER);
  const wanted = asked instanceof Described ? asked.value : asked;
  const open = (hold: SessionHold) => {
    const filter = asked instanceof Described ? new Described(asked.descriptor, hold.id) : hold.id;
    const link = acceptReceiver(request, store, {
      ...options,
      session: hold,
      reply: {
        filter: new Map([[SESSION_FILTER, filter]]),
        properties: new Map([["com.microsoft:locked-until-utc", long(BigInt(hold.until) * 10_000n + TICKS_AT_1970)]]),
      },
    });
    hold.onLost = (error) => link.close(error);
    options.onOpen(link);
  };
  if (typeof wanted === "string") {
    try {
      open(store.sessions.accept(wanted));
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      request.refuse(error);
    }
    return;
  }
  const waitMs = request.properties.get("com.microsoft:timeout");
  const timer = clock.at(clock.now() + (typeof waitMs === "number" ? waitMs : DEFAULT_WAIT_MS), () => {
    cancel();
    request.refuse(noSession());
  });
  const stop = () => {
    timer.cancel();
    cancel();
  };
  request.onAbandoned = stop;
  const cancel = store.sessions.acceptNext({
    granted: (hold) => {
      timer.cancel();
      request.onAbandoned = undefined;
      open(hold);
    },
  });
}
