import type { AmqpError } from "./amqp-error.ts";
import { errorValue, performative } from "./performative.ts";
import { Described } from "./values.ts";

/** What a receiver says about a delivery. `declare` and `transactional` are not spoken here. */
export type DeliveryState =
  | { readonly kind: "received" }
  | { readonly kind: "accepted" }
  | { readonly kind: "rejected"; readonly condition: string | undefined; readonly info: ReadonlyMap<unknown, unknown> }
  | { readonly kind: "released" }
  | {
      readonly kind: "modified";
      readonly deliveryFailed: boolean;
      readonly undeliverableHere: boolean;
      readonly annotations: ReadonlyMap<unknown, unknown>;
    };

const CODES: Readonly<Record<string, number>> = {
  "amqp:received:list": 0x23,
  "amqp:accepted:list": 0x24,
  "amqp:rejected:list": 0x25,
  "amqp:released:list": 0x26,
  "amqp:modified:list": 0x27,
};

const mapOf = (value: unknown): ReadonlyMap<unknown, unknown> => (value instanceof Map ? value : new Map());

/** Undefined when the peer said nothing, or something that has no meaning here. */
export function readState(value: unknown): DeliveryState | undefined {
  if (!(value instanceof Described)) return undefined;
  const code = typeof value.descriptor === "string" ? CODES[value.descriptor] : value.descriptor;
  const fields = Array.isArray(value.value) ? value.value : [];
  switch (code) {
    case 0x23:
      return { kind: "received" };
    case 0x24:
      return { kind: "accepted" };
    case 0x25: {
      const error = fields[0] instanceof Described && Array.isArray(fields[0].value) ? fields[0].value : [];
      return {
        kind: "rejected",
        condition: typeof error[0] === "string" ? error[0] : undefined,
        info: mapOf(error[2]),
      };
    }
    case 0x26:
      return { kind: "released" };
    case 0x27:
      return {
        kind: "modified",
        deliveryFailed: fields[0] === true,
        undeliverableHere: fields[1] === true,
        annotations: mapOf(fields[2]),
      };
    default:
      return undefined;
  }
}

export const ACCEPTED: Described = new Described(0x24, []);
export const rejected = (error: AmqpError): Described => performative(0x25, [errorValue(error)]);
/** What answers a settlement: the outcome that was asked for, without its details; or rejected, with the reason why it was not done. */
export function answerTo(asked: DeliveryState, error: AmqpError | undefined): Described {
  if (error !== undefined) return rejected(error);
  switch (asked.kind) {
    case "modified":
      return performative(0x27, [asked.deliveryFailed, asked.undeliverableHere]);
    case "rejected":
      return new Described(0x25, []);
    case "released":
      return new Described(0x26, []);
    default:
      return ACCEPTED;
  }
}
