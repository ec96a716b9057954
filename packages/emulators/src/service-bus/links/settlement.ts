import type { DeliveryState } from "../../amqp/delivery-state.ts";
import type { Settlement } from "../broker/stored-message.ts";

const texts = (map: ReadonlyMap<unknown, unknown>) => new Map([...map].map(([key, value]) => [String(key), value]));

/** What a receiver's outcome means to the broker. Undefined: no outcome yet. */
export function toSettlement(state: DeliveryState | undefined): Settlement | undefined {
  switch (state?.kind) {
    case "accepted":
      return { kind: "complete" };
    case "released":
      return { kind: "release" };
    case "modified":
      return { kind: state.undeliverableHere ? "defer" : "abandon", properties: texts(state.annotations) };
    case "rejected": {
      const properties = texts(state.info);
      const take = (name: string) => {
        const value = properties.get(name);
        properties.delete(name);
        return value === undefined || value === null ? undefined : String(value);
      };
      return {
        kind: "dead-letter",
        reason: take("DeadLetterReason"),
        description: take("DeadLetterErrorDescription"),
        properties,
      };
    }
    default:
      return undefined;
  }
}
