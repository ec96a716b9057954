/**
 * Checked by the compiler, never run: what an application may write, and what must be a compile error. Each `@ts-expect-error` fails the type check when the
 * line below it compiles.
 */
import { type Bus, defineEvent, defineTopic, type Inbox } from "@waybill/core";
import * as v from "valibot";
import { z } from "zod";

const placed = defineEvent("com.example.order.placed", z.object({ orderId: z.string(), total: z.number() }));
const cancelled = defineEvent("com.example.order.cancelled", v.object({ orderId: v.string(), reason: v.string() }));
const dated = defineEvent("com.example.order.dated", z.object({ at: z.string().transform((text) => new Date(text)) }));
const orders = defineTopic("orders", [placed, cancelled, dated]);

export async function application(bus: Bus, inbox: Inbox<{ sql: (text: string) => void }>): Promise<void> {
  await bus.publish(orders, placed({ orderId: "o-1", total: 42 }, { key: "o-1" }));
  await bus.publish(orders, [placed({ orderId: "o-1", total: 42 }), cancelled({ orderId: "o-1", reason: "changed" })]);
  // The wire carries the schema's input, the handler gets its output.
  await bus.publish(orders, dated({ at: "2026-01-01" }));
  // @ts-expect-error the input is text, not a Date
  dated({ at: new Date() });
  // @ts-expect-error total is missing
  placed({ orderId: "o-1" });
  const other = defineEvent("com.example.other", z.object({}));
  // @ts-expect-error this topic does not carry that event
  await bus.publish(orders, other({}));

  await bus.subscribe(orders, { name: "billing" }, async (event, ctx) => {
    // @ts-expect-error only one of the three has a total
    event.data.total;
    // @ts-expect-error no CloudEvent has such an attribute
    event.total;
    if (event.type === placed.type) {
      const total: number = event.data.total;
      // @ts-expect-error an order that was placed has no reason
      event.data.reason;
      await ctx.publish(orders, cancelled({ orderId: event.data.orderId, reason: `${total}` }));
    } else if (event.type === "com.example.order.dated") {
      event.data.at.getTime();
      // @ts-expect-error parsed: no longer text
      event.data.at.charAt(0);
    } else {
      event.data.reason.trim();
    }
    // @ts-expect-error there is no such event type
    if (event.type === "com.example.order.lost") return;
    // @ts-expect-error no inbox, no transaction
    ctx.tx.sql("");
    ctx.signal.throwIfAborted();
  });

  await bus.subscribe(orders, { name: "audit", inbox }, (_event, ctx) => {
    ctx.tx.sql("insert …");
    // @ts-expect-error the transaction is the inbox's own
    ctx.tx.query("");
  });

  // By name nothing is known of the data.
  await bus.subscribe("orders", { name: "tail" }, (event) => {
    // @ts-expect-error unknown until it is checked
    event.data.total;
    String(event.partitionkey);
  });

  // @ts-expect-error a subscription has a name
  await bus.subscribe(orders, {}, () => undefined);
  // @ts-expect-error misspelt
  await bus.subscribe(orders, { name: "x", concurency: 3 }, () => undefined);
}
