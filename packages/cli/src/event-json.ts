import { randomUUID } from "node:crypto";
import type { RawCloudEvent } from "@waybill/core";
import { cliErrors } from "./cli-errors.ts";

/** An event in the CloudEvents JSON format: bytes as `data_base64`. What `tail --json` prints, `publish --file` reads. */
export function toJson(event: RawCloudEvent): Record<string, unknown> {
  if (!(event.data instanceof Uint8Array)) return { ...event };
  const { data, ...attributes } = event;
  return { ...attributes, data_base64: Buffer.from(data as Uint8Array).toString("base64") };
}

/** What a new event gets where its document does not say. */
export interface EventDefaults {
  readonly source: string;
  readonly type?: string | undefined;
  readonly id?: string | undefined;
  readonly key?: string | undefined;
  readonly subject?: string | undefined;
}

/** An event from its data alone. */
export function eventOf(data: unknown, defaults: EventDefaults & { readonly type: string }): RawCloudEvent {
  return complete(data === undefined ? {} : { data }, defaults);
}

/** An event from a document in the CloudEvents JSON format. Errors do not repeat its content. */
export function eventFromJson(document: unknown, defaults: EventDefaults): RawCloudEvent {
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw cliErrors.WB_CLI_INPUT({ problem: "is no JSON object" });
  }
  const { data_base64: base64, ...members } = document as Record<string, unknown>;
  // In the JSON format an attribute that is null is one that is not there; data may be null.
  const attributes = Object.fromEntries(
    Object.entries(members).filter(([name, value]) => value !== null || name === "data"),
  );
  if (typeof attributes.type !== "string") throw cliErrors.WB_CLI_INPUT({ problem: "has no type" });
  if (base64 === undefined || base64 === null) return complete(attributes, defaults);
  if (typeof base64 !== "string") throw cliErrors.WB_CLI_INPUT({ problem: "has a data_base64 that is no text" });
  if (attributes.data !== undefined) throw cliErrors.WB_CLI_INPUT({ problem: "has both data and data_base64" });
  if (!BASE64.test(base64)) throw cliErrors.WB_CLI_INPUT({ problem: "has a data_base64 that is no Base64" });
  const data = new Uint8Array(Buffer.from(base64, "base64"));
  return complete({ datacontenttype: "application/octet-stream", ...attributes, data }, defaults);
}

/** Node's decoder leaves out what is no Base64, in silence. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** Parses one line of JSON; the parser's own message would quote the line. */
export function parseLine(text: string | undefined): unknown {
  if (text === undefined) throw cliErrors.WB_CLI_INPUT({ problem: "is no UTF-8" });
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw cliErrors.WB_CLI_INPUT({ problem: "is no JSON" });
  }
}

function complete(given: Record<string, unknown>, { key, ...defaults }: EventDefaults): RawCloudEvent {
  const fallback = Object.fromEntries(Object.entries(defaults).filter(([, value]) => value !== undefined));
  return {
    specversion: "1.0",
    id: randomUUID(),
    time: new Date().toISOString(),
    ...(given.data === undefined ? {} : { datacontenttype: "application/json" }),
    ...fallback,
    ...(key === undefined ? {} : { partitionkey: key }),
    ...given,
  } as unknown as RawCloudEvent;
}
