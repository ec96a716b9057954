import { type Bus, defineEvent, defineTopic, type HandlerContext, type RawCloudEvent } from "@waybill/core";
import type { Adapter } from "@waybill/core/spi";
import { createSpy, type Spy } from "@waybill/core/testing";
import type { Stage } from "../../stage.ts";

export interface OrderData {
  readonly n: number;
  readonly text?: string;
}

/** `{ n: number }`; anything else has an issue. */
export const orderPlaced = defineEvent("com.example.order.placed", {
  "~standard": {
    version: 1,
    vendor: "waybill-conformance",
    validate: (value: unknown): { value: OrderData } | { issues: { message: string; path: string[] }[] } =>
      typeof (value as Partial<OrderData> | null | undefined)?.n === "number"
        ? { value: value as OrderData }
        : { issues: [{ message: "n must be a number", path: ["n"] }] },
    types: undefined as { readonly input: OrderData; readonly output: OrderData } | undefined,
  },
});
export const orderPaid = defineEvent("com.example.order.paid");

/** A topic of the case's own with two subscriptions, its definition, and an instance with a bus on it. */
export interface Shop {
  readonly topic: string;
  readonly orders: ReturnType<typeof ordersTopic>;
  readonly adapter: Adapter;
  readonly bus: Bus;
  readonly spy: Spy;
}

export const ordersTopic = (topic: string) => defineTopic(topic, [orderPlaced, orderPaid]);

export async function openShop(stage: Stage, ...subscriptions: string[]): Promise<Shop> {
  const topic = await stage.topic(...(subscriptions.length > 0 ? subscriptions : ["a"]));
  return joinShop(stage, topic);
}

/** Another process of the same shop. */
export async function joinShop(stage: Stage, topic: string, adapter?: Adapter): Promise<Shop> {
  const opened = adapter ?? (await stage.open());
  const spy = createSpy();
  return { topic, orders: ordersTopic(topic), adapter: opened, bus: stage.bus(opened, { observers: [spy] }), spy };
}

/** What a handler saw. */
export interface Visit {
  readonly id: string;
  readonly n: number;
  readonly attempt: number;
  readonly redriven: boolean;
  readonly event: RawCloudEvent;
}

export function visitOf(event: object, context: HandlerContext<unknown>): Visit {
  const raw = event as RawCloudEvent;
  const n = (raw.data as Partial<OrderData> | null | undefined)?.n ?? Number.NaN;
  return { id: raw.id, n, attempt: context.attempt, redriven: context.redriven, event: raw };
}

export async function publishOrders(stage: Stage, { bus, orders }: Shop, count: number, key?: (n: number) => string) {
  const events = Array.from({ length: count }, (_, n) =>
    orderPlaced({ n }, { id: `o-${n}`, ...(key === undefined ? {} : { key: key(n) }) }),
  );
  await stage.run(bus.publish(orders, events), "publishing");
}

/** A promise that a case settles. */
export function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open!: () => void;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
