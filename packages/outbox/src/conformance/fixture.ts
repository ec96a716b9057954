import { defineEvent, defineTopic } from "@waybill/core";
import { test } from "vitest";
import { createInbox, type StoreInbox } from "../inbox/create-inbox.ts";
import { createOutbox, type Outbox } from "../outbox.ts";
import { createRelay, type Relay, type RelayOptions } from "../relay/relay.ts";
import type { Store } from "../store.ts";
import { Recorder } from "./recorder.ts";
import type { StoreConformanceOptions, StorePlace } from "./store-place.ts";

export const noted = defineEvent("test.noted");
export const notes = defineTopic("notes", [noted]);
export const others = defineTopic("others", [noted]);

/** What one case works with. */
export interface Fixture<Tx> {
  readonly place: StorePlace<Tx>;
  readonly store: Store<Tx>;
  readonly outbox: Outbox<Tx>;
  readonly inbox: StoreInbox<Tx>;
  readonly recorder: Recorder;
  /** A started relay, quick to retry, over the recorder unless told otherwise. Closed after the case. */
  relay(options?: Partial<RelayOptions>): Promise<Relay>;
  /** Another store on the same place. */
  another(): Store<Tx>;
  /** Publishes each value as an event of its own, in one transaction. */
  note(values: readonly unknown[], key?: string): Promise<void>;
}

/** A vitest case with a place, a store and what goes with them; all of it is taken down afterwards. */
export function storeCase<Tx>(options: StoreConformanceOptions<Tx>) {
  return (name: string, body: (fixture: Fixture<Tx>) => Promise<void>) =>
    test(name, async () => {
      const place = await options.place();
      const stores: Store<Tx>[] = [];
      const relays: Relay[] = [];
      const open = () => {
        const store = place.open();
        stores.push(store);
        return store;
      };
      const store = open();
      await store.open();
      const outbox = createOutbox({ store, source: "/conformance" });
      const recorder = new Recorder();
      try {
        await body({
          place,
          store,
          outbox,
          inbox: createInbox({ store }),
          recorder,
          another: open,
          async relay(given = {}) {
            const relay = createRelay({
              store,
              publisher: recorder,
              retry: { attempts: 3, initialMs: 5, maxMs: 20 },
              maxRestMs: 20,
              markMs: 5,
              ...given,
            });
            relays.push(relay);
            await relay.start();
            return relay;
          },
          note: (values, key) =>
            outbox.transaction((tx) =>
              outbox.publish(
                tx,
                notes,
                values.map((value) => noted(value, { key })),
              ),
            ),
        });
      } finally {
        await Promise.all(relays.map((relay) => relay.close()));
        await Promise.all(stores.map((one) => one.close()));
        await place.remove();
      }
    });
}
