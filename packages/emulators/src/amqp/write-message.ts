import { Encoder } from "./encode.ts";
import { PROPERTY } from "./sections.ts";
import { Described, sym } from "./values.ts";

/** A message that did not come over the wire. */
export interface PlainMessage {
  /** A text is written in UTF-8. */
  readonly body: string | Buffer;
  readonly contentType?: string | undefined;
  readonly messageId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly subject?: string | undefined;
  readonly to?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly replyToSessionId?: string | undefined;
  readonly partitionKey?: string | undefined;
  /** Application properties. */
  readonly properties?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** Encodes it as a sender of an SDK would. */
export function writeMessage(message: PlainMessage): Buffer {
  const encoder = new Encoder(message.body.length + 256);
  if (message.partitionKey !== undefined)
    encoder.value(new Described(0x72, new Map([[sym("x-opt-partition-key"), message.partitionKey]])));
  const fields: unknown[] = Array(13).fill(null);
  fields[PROPERTY.messageId] = message.messageId ?? null;
  fields[PROPERTY.to] = message.to ?? null;
  fields[PROPERTY.subject] = message.subject ?? null;
  fields[PROPERTY.replyTo] = message.replyTo ?? null;
  fields[PROPERTY.correlationId] = message.correlationId ?? null;
  fields[PROPERTY.contentType] = message.contentType === undefined ? null : sym(message.contentType);
  fields[PROPERTY.groupId] = message.sessionId ?? null;
  fields[PROPERTY.replyToGroupId] = message.replyToSessionId ?? null;
  encoder.value(new Described(0x73, fields));
  if (message.properties !== undefined) encoder.value(new Described(0x74, new Map(Object.entries(message.properties))));
  const { body } = message;
  encoder.value(new Described(0x75, typeof body === "string" ? Buffer.from(body) : body));
  return encoder.finish();
}
