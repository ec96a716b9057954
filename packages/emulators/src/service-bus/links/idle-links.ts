import { AmqpError } from "../../amqp/amqp-error.ts";
import type { Clock, Timer } from "../../clock.ts";

/** The service lets go of a link on which nothing came or went for so long. */
const IDLE_MS = 600_000;

export interface IdleWatch {
  /** To be called with everything that comes or goes. */
  active(): void;
  stop(): void;
}

/** Ends the link with `amqp:link:detach-forced` when it is idle. */
export function watchIdle(clock: Clock, link: { close(error: AmqpError): void }): IdleWatch {
  let last = clock.now();
  let timer: Timer;
  // One timer a link, not one a message.
  const arm = () => {
    timer = clock.at(last + IDLE_MS, () => {
      if (clock.now() < last + IDLE_MS) arm();
      else link.close(new AmqpError("amqp:link:detach-forced", "The link is force detached. Idle timeout: 00:10:00."));
    });
  };
  arm();
  return {
    active: () => {
      last = clock.now();
    },
    stop: () => timer.cancel(),
  };
}
