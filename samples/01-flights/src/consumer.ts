import type { DatabaseSync } from "node:sqlite";
import type { Bus, ConsumeMiddleware, Inbox, Subscription } from "@waybill/core";
import { flights } from "./events.ts";
import { addDeparture } from "./totals.ts";

/**
 * The consumer: counts each departure once, however often it arrives. `ctx.tx` is the inbox's transaction: the new totals and
 * the record that this event has been counted are one commit.
 */
export function subscribeTotals(
  bus: Bus,
  options: { inbox: Inbox<DatabaseSync>; middleware?: readonly ConsumeMiddleware[] },
): Promise<Subscription> {
  return bus.subscribe(flights, { name: "totals", order: "preferred", ...options }, (event, ctx) => {
    addDeparture(ctx.tx, event.data, { redriven: ctx.redriven });
  });
}
