import { type EventHubProducerClient, latestEventPosition, type PartitionProperties } from "@azure/event-hubs";
import type { Call } from "@waybill/core/spi";
import { failedCall } from "./classify.ts";
import type { Connect } from "./connect.ts";

/** One hub, as it is asked about. */
export interface HubInfo {
  /** Throws where the hub is missing, the credential is not let in, or nothing answers in time. */
  partitionIds(signal?: AbortSignal): Promise<readonly string[]>;
  properties(partition: string, signal?: AbortSignal): Promise<PartitionProperties>;
}

export function hubInfo(
  client: Pick<EventHubProducerClient, "eventHubName" | "getPartitionIds" | "getPartitionProperties">,
  call: Call,
): HubInfo {
  const asked = async <T>(
    run: (abortSignal: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> => {
    try {
      return await call(signal, run);
    } catch (error) {
      throw failedCall("Asking", `hub ${client.eventHubName}`, error);
    }
  };
  return {
    partitionIds: (signal) => asked((abortSignal) => client.getPartitionIds({ abortSignal }), signal),
    properties: (partition, signal) =>
      asked((abortSignal) => client.getPartitionProperties(partition, { abortSignal }), signal),
  };
}

/** Long enough for one link to open; the SDK answers with nothing then. */
const PROBE_WAIT_S = 0.02;

/**
 * Whether the consumer group exists, which only opening a link tells. It is opened without an owner level: where somebody with one reads
 * already, the broker refuses it, which is an answer too, and leaves the reader alone.
 */
export async function groupExists(
  connect: Connect,
  place: { readonly hub: string; readonly group: string; readonly partition: string },
  call: Call,
): Promise<boolean> {
  const { hub, group, partition } = place;
  const client = connect.consumer(hub, group);
  try {
    return await call(
      undefined,
      () =>
        new Promise<boolean>((resolve, reject) => {
          client.subscribe(
            partition,
            {
              processEvents: async () => resolve(true),
              processError: async (error) => {
                const { code } = error as { code?: unknown };
                if (code === "ReceiverDisconnectedError" || code === "QuotaExceededError") resolve(true);
                else if (code === "MessagingEntityNotFoundError") resolve(false);
                else reject(error);
              },
            },
            { startPosition: latestEventPosition, maxWaitTimeInSeconds: PROBE_WAIT_S, maxBatchSize: 1 },
          );
        }),
    );
  } catch (error) {
    throw failedCall("Reading", `hub ${hub} in consumer group ${group}`, error);
  } finally {
    await client.close().catch(() => undefined);
  }
}
