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

/** The inverse of {@link eventText}. Throws WB_OUTBOX_ROW for the text of a row that somebody else has written, and that is no event. */
export function readEventText(text: string): RawCloudEvent {
  const event = parsed(text);
  if (typeof event !== "object" || event === null || Array.isArray(event)) {
    throw outboxErrors.WB_OUTBOX_ROW({ problem: event === undefined ? "it is not JSON" : "it is no JSON object" });
  }
  if (!Object.hasOwn(event, "data_base64")) return event as RawCloudEvent;
  const { data_base64, ...attributes } = event as RawCloudEvent;
  return {
    ...attributes,
    data: new Uint8Array(Buffer.from(String(data_base64), "base64")),
  } as unknown as RawCloudEvent;
}

/** The `time` of a row's event, in milliseconds since the epoch; `undefined` where it has none that can be read. */
export function eventTimeMs(text: string): number | undefined {
  const { time } = (parsed(text) ?? {}) as { time?: unknown };
  const ms = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
