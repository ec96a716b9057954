import type { AmqpError } from "./amqp-error.ts";
import type { PeerSession } from "./peer.ts";
import type { Described } from "./values.ts";

/** What a link of kind L needs of its session. */
export interface LinkSession<L> extends PeerSession {
  write(body: Described): void;
  /** The four fields that every flow frame starts with. */
  flowFields(): unknown[];
  detach(link: L, error: AmqpError | undefined): void;
}
