import type { ServiceBusReceivedMessage, ServiceBusReceiver, ServiceBusSessionReceiver } from "@azure/service-bus";
import { type DeadLetterReason, encodeDeadLetter, HEADER, type Settlement, type WireMessage } from "@waybill/core/spi";
import { MAX_HEADER_BYTES, MAX_REASON_LENGTH } from "./capabilities.ts";
import { type AttributePrefix, propertyBytes, toProperties } from "./properties.ts";

type Sdk = Pick<
  ServiceBusReceiver | ServiceBusSessionReceiver,
  "completeMessage" | "abandonMessage" | "deadLetterMessage"
>;

/** Its type lacks bytes, which it writes like any other value. */
type SdkOptions = Parameters<Sdk["deadLetterMessage"]>[1];

/** Tells the broker one outcome. */
export type Tell = (sdk: Sdk, raw: ServiceBusReceivedMessage) => Promise<void>;

const complete: Tell = (sdk, raw) => sdk.completeMessage(raw);
export const abandon: Tell = (sdk, raw) => sdk.abandonMessage(raw);

const ACK = { key: "ack", doing: "Completing in", tell: complete };

/** Settlements whose outcome is the same word for word have the same `key`, and may go together. */
export function outcomeOf(settlement: Settlement, prefix: AttributePrefix): { key: string; doing: string; tell: Tell } {
  if (settlement.kind === "ack") return ACK;
  if (settlement.kind === "release") {
    const { attempt } = settlement;
    const doing = "Abandoning in";
    if (attempt === undefined) return { key: "release", doing, tell: abandon };
    const properties = { [HEADER.attempt]: String(attempt) };
    return { key: `release ${attempt}`, doing, tell: (sdk, raw) => sdk.abandonMessage(raw, properties) };
  }
  const options = deadLetterOptions(settlement.delivery.message, settlement.reason, prefix);
  return {
    key: `reject ${settlement.delivery.message.id}`,
    doing: "Dead-lettering in",
    tell: (sdk, raw) => sdk.deadLetterMessage(raw, options as SdkOptions),
  };
}

/** The names of reason and description, which are properties as well; and ids, times and the rest of a header, which count with them. */
const BROKER_FIELDS_BYTES = 2_048;

interface DeadLetterFields {
  readonly deadLetterReason: string;
  readonly deadLetterErrorDescription: string;
  readonly [property: string]: string | Buffer;
}

/** The broker's own two fields, cut to what it takes, and the whole record beside them as long as the properties' limit allows. */
function deadLetterOptions(message: WireMessage, reason: DeadLetterReason, prefix: AttributePrefix): DeadLetterFields {
  const short = {
    ...reason,
    reason: cut(reason.reason, MAX_REASON_LENGTH),
    error: cut(reason.error, MAX_REASON_LENGTH),
  };
  const beside = Buffer.byteLength(short.reason) + BROKER_FIELDS_BYTES;
  const fits = ({ headers }: WireMessage) =>
    propertyBytes(headers, prefix) + Buffer.byteLength(String(headers[HEADER.error] ?? "")) + beside <=
    MAX_HEADER_BYTES;
  const record = encodeDeadLetter(message, short, { headers: true, fits });
  const added = Object.entries(record.headers).filter(([name, value]) => message.headers[name] !== value);
  return {
    ...toProperties(Object.fromEntries(added), prefix),
    deadLetterReason: short.reason,
    deadLetterErrorDescription: cut(String(record.headers[HEADER.error] ?? ""), MAX_REASON_LENGTH),
  };
}

/** No half of a surrogate pair at the end. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}
