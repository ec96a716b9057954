import type { Consumer } from "kafkajs";

/** kafkajs waits for its fetch, and for a broker that may be gone to answer the goodbye. */
const PATIENCE_MS = 5_000;

/** Leaves the group and disconnects; resolves after some seconds in any case, and never rejects. */
export async function endConsumer(consumer: Consumer): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS);
  });
  await Promise.race([consumer.disconnect().catch(() => undefined), late]);
  clearTimeout(timer);
}
