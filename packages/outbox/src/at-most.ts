import { type Clock, sleep } from "@waybill/core/spi";

/** True when `running` has resolved within `ms`; false when it has not, and then what becomes of it is ignored. Rejects when it does. */
export async function atMost(clock: Clock, ms: number, running: Promise<unknown>): Promise<boolean> {
  const over = new AbortController();
  try {
    return await Promise.race([running.then(() => true), sleep(clock, ms, over.signal).then(() => false)]);
  } finally {
    over.abort();
  }
}
