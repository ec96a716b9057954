import type { ReceiverCapabilities, SenderCapabilities } from "../spi/capabilities.ts";
import { deadTopic } from "../spi/destinations.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";

/** What a subscription ended up with, on this broker and with these options. */
export interface Guarantee {
  /** `per-key`: events of one key are handled one after the other in publish order. */
  readonly order: "per-key" | "none";
  /** Always at least once; with an inbox, a duplicate has no second effect. */
  readonly delivery: "at-least-once" | "at-least-once, idempotent";
  /** Who keeps an event that waits longer than `retry.inPlaceMs` for its next attempt. */
  readonly retry: "in-place" | "release" | "copy";
  /** `none`: what is given up has no place, and comes again until the broker itself gives it up. */
  readonly deadLetter: "native" | "copy" | "none";
}

/** What of the options decides the guarantee. */
export interface GuaranteeNeeds extends Pick<SubscribeOptions<unknown>, "order" | "deadLetterTo"> {
  readonly idempotent: boolean;
}

/** A guarantee, and where dead letters are copied to: undefined where the broker's own store takes them. */
export interface Granted {
  readonly guarantee: Guarantee;
  readonly deadLetterTo: string | undefined;
}

/** What these needs get of a source with these capabilities; undefined where they require an order that it does not keep. */
export function grant(
  place: { readonly topic: string; readonly subscription: string },
  needs: GuaranteeNeeds,
  receiver: ReceiverCapabilities,
  returnSender: SenderCapabilities | undefined,
): Granted | undefined {
  const { order = "preferred", idempotent } = needs;
  const ordered = order !== "none" && receiver.order === "lane";
  if (order === "required" && !ordered) return undefined;
  const deadLetterTo = needs.deadLetterTo ?? (receiver.reject ? undefined : deadTopic(place.topic, place.subscription));
  return {
    guarantee: {
      order: ordered ? "per-key" : "none",
      delivery: idempotent ? "at-least-once, idempotent" : "at-least-once",
      retry: retryOf(ordered, receiver, returnSender),
      deadLetter: deadLetterOf(needs.deadLetterTo, receiver),
    },
    deadLetterTo,
  };
}

function deadLetterOf(given: string | undefined, { reject, deadPlace }: ReceiverCapabilities): Guarantee["deadLetter"] {
  if (given !== undefined) return "copy";
  if (reject) return "native";
  return deadPlace === false ? "none" : "copy";
}

function retryOf(
  ordered: boolean,
  { release }: ReceiverCapabilities,
  returnSender: SenderCapabilities | undefined,
): Guarantee["retry"] {
  if (ordered) return "in-place";
  if (typeof release === "object") return "release";
  return returnSender !== undefined && returnSender.schedule !== false ? "copy" : "in-place";
}
