import type { EventHubConsumerClient } from "@azure/event-hubs";
import type { Call, Source } from "@waybill/core/spi";
import { groupExists, hubInfo } from "./admin.ts";
import { failedCall } from "./classify.ts";
import { type HubConnection, type HubConnectionOptions, openConnection } from "./hub-connection.ts";
import type { Place } from "./positions.ts";

export interface HubReaderOptions extends HubConnectionOptions {
  readonly startFrom: Source["startFrom"];
  readonly call: Call;
}

/** One consumer of one hub and group. What it reads goes to the handoff. */
export interface HubReader {
  readonly hub: string;
  readonly place: Place;
  /** Partitions may still be on their way: none was read from yet, or one that is ours not yet. */
  readonly isCold: boolean;
  /** Whether the store says that this consumer owns the partition. */
  owns(partition: string, signal: AbortSignal): Promise<boolean>;
  /** Every delivery of it is lost from here on; gives the partitions up. Resolves when the SDK has, or the call has failed. */
  close(): Promise<void>;
}

/** Checks that hub and consumer group exist, fixes where to begin, and starts to read. Throws what is wrong within seconds. */
export async function openHubReader(options: HubReaderOptions): Promise<HubReader> {
  const { hub, group, checkpoints } = options;
  /** Under which this reader has owned partitions on connections that it gave up. */
  const former = new Set<string>();
  const leaving = new Set<Promise<void>>();
  let closing: Promise<void> | undefined;
  let current = openConnection(options, former);
  const { fullyQualifiedNamespace, eventHubName } = current.client;
  const place: Place = { fullyQualifiedNamespace, eventHubName, consumerGroup: group };

  const leave = (connection: HubConnection) => {
    const left: Promise<void> = connection.close().finally(() => leaving.delete(left));
    leaving.add(left);
  };
  const renew = () => {
    if (closing !== undefined) return;
    former.add(current.ownerId);
    leave(current);
    current = openConnection(options, former);
    current.read(renew);
  };
  const close = async () => {
    leave(current);
    await Promise.all(leaving);
  };

  try {
    const partitionIds = await begin(options, place, current.client);
    current.read(renew);
    return {
      hub,
      place,
      get isCold() {
        const { partitions, rounds } = current;
        if (partitions.all.length === partitionIds.length || rounds > 1)
          return partitions.all.some(({ warm }) => !warm);
        return true;
      },
      async owns(partition, abortSignal) {
        const all = await checkpoints.store.listOwnership(fullyQualifiedNamespace, eventHubName, group, {
          abortSignal,
        });
        return all.some(({ partitionId, ownerId }) => partitionId === partition && ownerId === current.ownerId);
      },
      close: () => {
        closing ??= close();
        return closing;
      },
    };
  } catch (error) {
    closing = close();
    await closing;
    throw error;
  }
}

/** Where there is no position yet, `latest` writes one: the end of each partition as it is now, and not as it will be when somebody gets to read it. */
async function begin(
  { hub, group, startFrom, connect, checkpoints, call }: HubReaderOptions,
  place: Place,
  client: EventHubConsumerClient,
): Promise<readonly string[]> {
  const info = hubInfo(client, call);
  const partitionIds = await info.partitionIds();
  const partition = partitionIds[0] ?? "0";
  if (!(await groupExists(connect, { hub, group, partition }, call)))
    throw failedCall("Reading", `hub ${hub} in consumer group ${group}`, {
      code: "MessagingEntityNotFoundError",
      message: "the consumer group does not exist",
    });
  try {
    const known = await call(undefined, (signal) => checkpoints.positions.list(place, signal));
    if (startFrom === "earliest") return partitionIds;
    await Promise.all(
      partitionIds
        .filter((id) => !known.has(id))
        .map(async (id) => {
          const { lastEnqueuedSequenceNumber: sequenceNumber, lastEnqueuedOffset: offset } = await info.properties(id);
          const end = { sequenceNumber, offset: String(offset) };
          await call(undefined, (signal) => checkpoints.positions.begin(place, id, end, signal));
        }),
    );
    return partitionIds;
  } catch (error) {
    throw failedCall("Reading the checkpoints of", `hub ${hub} in consumer group ${group}`, error);
  }
}
