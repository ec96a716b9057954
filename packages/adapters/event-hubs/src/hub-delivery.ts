import type { ReceivedEventData } from "@azure/event-hubs";
import type { Delivery, Handoff, WireMessage } from "@waybill/core/spi";
import { toMessage } from "./mapping.ts";
import type { Tenure } from "./partitions.ts";

/** One event of a partition, in the tenure in which it was read. */
export class HubDelivery implements Delivery {
  readonly message: WireMessage;
  readonly tenure: Tenure;
  readonly raw: ReceivedEventData;
  /** What its receiver takes it from: whoever settles one of another receiver gets `lost`. */
  readonly handoff: Handoff;

  constructor(event: ReceivedEventData, tenure: Tenure, handoff: Handoff) {
    this.message = toMessage(event, tenure.partition);
    this.tenure = tenure;
    this.raw = event;
    this.handoff = handoff;
  }

  get lane(): string {
    return this.tenure.lane;
  }

  get lost(): AbortSignal {
    return this.tenure.lost;
  }
}
