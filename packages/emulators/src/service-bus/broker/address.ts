/** Where a link points, as the peer wrote it: with or without scheme and host, in any case. */
export interface Address {
  /** Queue or topic. */
  readonly name: string;
  readonly subscription: string | undefined;
  readonly store: "main" | "dead-letter" | "transfer-dead-letter";
  readonly isManagement: boolean;
}

const same = (segment: string | undefined, text: string) => segment?.toLowerCase() === text;

export function parseAddress(text: string): Address {
  const path = text.replace(/^[a-z]+:\/\/[^/]*/i, "");
  const segments = path.split("/").filter((segment) => segment !== "");
  const isManagement = same(segments.at(-1), "$management");
  if (isManagement) segments.pop();
  // Old clients repeat the subscription behind the dead-letter queue.
  if (same(segments.at(-3), "$deadletterqueue") && same(segments.at(-2), "subscriptions")) segments.splice(-2);
  let store: Address["store"] = "main";
  if (same(segments.at(-1), "$deadletterqueue")) {
    segments.pop();
    store = "dead-letter";
    if (same(segments.at(-1), "$transfer")) {
      segments.pop();
      store = "transfer-dead-letter";
    }
  }
  let subscription: string | undefined;
  if (segments.length >= 3 && same(segments.at(-2), "subscriptions")) {
    subscription = segments.pop();
    segments.pop();
  }
  return { name: segments.join("/"), subscription, store, isManagement };
}
