import type { EngineProducer, KafkaEngine, OutboundRecord } from "./engine/engine.ts";

interface Use {
  readonly producer: Promise<EngineProducer>;
  sending: number;
  retired: boolean;
}

/** One producer for all topics, replaced after every failure. */
export interface Producers {
  send(topic: string, records: readonly OutboundRecord[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * A producer that failed is never used again. An idempotent one numbers its batches, and after a failure nobody knows whether the broker has the last number: given
 * out once more, to other messages, the broker would take those for a repetition and drop them. (It also gets over OUT_OF_ORDER_SEQUENCE_NUMBER, from which
 * kafkajs' does not recover, #598.) The old one is closed when what else it sends is through.
 */
export function createProducers(open: () => Promise<KafkaEngine>): Producers {
  let current: Use | undefined;
  const uses = new Set<Use>();

  const closeIfDone = (use: Use) => {
    if (!use.retired || use.sending > 0) return;
    uses.delete(use);
    use.producer.then((producer) => producer.close()).catch(() => undefined);
  };
  const retire = (use: Use) => {
    use.retired = true;
    if (current === use) current = undefined;
  };
  const use = (): Use => {
    if (current !== undefined) return current;
    const producer = open().then((engine) => engine.openProducer());
    const fresh: Use = { producer, sending: 0, retired: false };
    uses.add(fresh);
    current = fresh;
    return fresh;
  };

  return {
    async send(topic, records) {
      const used = use();
      used.sending++;
      try {
        await (await used.producer).send(topic, records);
      } catch (error) {
        retire(used);
        throw error;
      } finally {
        used.sending--;
        closeIfDone(used);
      }
    },
    async close() {
      const open = [...uses];
      uses.clear();
      for (const one of open) retire(one);
      await Promise.allSettled(open.map(async ({ producer }) => (await producer).close()));
    },
  };
}
