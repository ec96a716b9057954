import type { Delivery, Outcome } from "@waybill/core/spi";

const AT_ONCE = 32;

/** One call for each session, whose messages share its lock; one for each message without. Each delivery gets the answer of its lock. */
export async function renewAll(
  deliveries: readonly Delivery[],
  /** Undefined also for what is lost or settled: it must not answer for its neighbours. */
  sessionOf: (delivery: Delivery) => string | undefined,
  renewOne: (delivery: Delivery) => Promise<Outcome<Date>>,
): Promise<Outcome<Date>[]> {
  const outcomes: Outcome<Date>[] = [];
  const byLock = new Map<string, number[]>();
  for (const [index, delivery] of deliveries.entries()) {
    const session = sessionOf(delivery);
    const lock = session === undefined ? `message ${index}` : `session ${session}`;
    byLock.set(lock, [...(byLock.get(lock) ?? []), index]);
  }
  const left = [...byLock.values()];
  const worker = async () => {
    for (let group = left.shift(); group !== undefined; group = left.shift()) {
      const answer = await renewOne(deliveries[group[0]!]!);
      for (const index of group) outcomes[index] = answer;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return outcomes;
}
