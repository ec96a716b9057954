import { invalidAddress } from "./conditions.ts";

/** Where a link points, as the peer wrote it: with or without scheme and host, in any case. */
export type Address =
  | { readonly kind: "management" }
  | { readonly kind: "hub"; readonly hub: string; readonly partition: string | undefined }
  | { readonly kind: "reader"; readonly hub: string; readonly group: string; readonly partition: string };

/** Reads `hub`, `hub/Partitions/n`, `hub/ConsumerGroups/g/Partitions/n` and `$management`. Throws `amqp:not-allowed` on the rest. */
export function parseAddress(text: string): Address {
  const segments = segmentsOf(text);
  const word = (at: number) => segments.at(at)?.toLowerCase();
  // Older clients put the hub before it; the request names the hub once more.
  if (word(-1) === "$management") return { kind: "management" };
  const hub = segments[0]!;
  if (hub === "") throw invalidAddress(text);
  if (segments.length === 1) return { kind: "hub", hub, partition: undefined };
  if (segments.length === 3 && word(1) === "partitions") return { kind: "hub", hub, partition: segments[2]! };
  if (segments.length === 5 && word(1) === "consumergroups" && word(3) === "partitions")
    return { kind: "reader", hub, group: segments[2]!, partition: segments[4]! };
  throw invalidAddress(text);
}

/** The hub that an address or the audience of a token begins with; undefined where it names the namespace or a node of it. */
export function hubOf(text: string): string | undefined {
  const [first] = segmentsOf(text);
  return first === "" || first!.startsWith("$") ? undefined : first;
}

const segmentsOf = (text: string): string[] =>
  text
    .replace(/^[a-z]+:\/\/[^/]*/i, "")
    .replace(/^\//, "")
    .split("/");
