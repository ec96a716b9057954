import type { RawCloudEvent } from "@waybill/core";
import { outboxErrors } from "./outbox-errors.ts";

/** How a row holds an event: the CloudEvents JSON format, bytes as `data_base64`. */
export function eventText(event: RawCloudEvent): string {
  const { data, ...attributes } = event;
  try {
    return data instanceof Uint8Array
      ? JSON.stringify({
          ...attributes,
          data_base64: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"),
        })
      : JSON.stringify(event);
  } catch (error) {
    // A BigInt, or data that contains itself.
    throw outboxErrors.WB_OUTBOX_EVENT({ type: event.type, problem: "its data cannot be written as JSON" }, error);
  }
}

/** The inverse of {@link eventText}. */
export function readEventText(text: string): RawCloudEvent {
  const event = JSON.parse(text) as RawCloudEvent;
  if (!Object.hasOwn(event, "data_base64")) return event;
  const { data_base64, ...attributes } = event;
  return {
    ...attributes,
    data: new Uint8Array(Buffer.from(String(data_base64), "base64")),
  } as unknown as RawCloudEvent;
}
