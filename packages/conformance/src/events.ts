import type { RawCloudEvent } from "@waybill/core";
import { createCodec, type WireMessage } from "@waybill/core/spi";

export const codec = createCodec();

export function rawEvent(id: string, key: string | undefined, data: unknown): RawCloudEvent {
  const event = {
    specversion: "1.0",
    id,
    source: "/conformance",
    type: "com.example.conformance",
    datacontenttype: "application/json",
    data,
  } as const;
  return key === undefined ? event : { ...event, partitionkey: key };
}

/** The event's id, wherever the broker carries it. */
export function idOf({ message }: { readonly message: WireMessage }): string {
  try {
    return codec.decode(message).event.id;
  } catch {
    return `(no event: ${message.id})`;
  }
}

export function idsOf(deliveries: readonly { readonly message: WireMessage }[]): string[] {
  return deliveries.map(idOf);
}

/** `count` ids: e-0, e-1, … */
export function ids(count: number, prefix = "e"): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}
