import { openStore } from "@waybill/config";
import type { Store } from "@waybill/outbox";
import type { Session } from "../../session.ts";
import { within } from "../../within.ts";

const CLOSE_MS = 2_000;

/** Runs `work` with the outbox's store, and closes it. */
export async function withStore<T>(session: Session, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(await session.loaded(), "outbox");
  try {
    return await work(store);
  } finally {
    await within(CLOSE_MS, store.close());
  }
}
