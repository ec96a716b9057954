import { randomUUID } from "node:crypto";
import {
  type EventHubConsumerClient,
  earliestEventPosition,
  type ReceivedEventData,
  type Subscription,
} from "@azure/event-hubs";
import type { Call, Delivery, Handoff, Source } from "@waybill/core/spi";
import { groupExists, hubInfo } from "./admin.ts";
import type { Checkpoints, Place } from "./checkpoints.ts";
import { failedCall } from "./classify.ts";
import type { Connect } from "./connect.ts";
import { renewLinkInTime } from "./credit.ts";
import { toMessage } from "./mapping.ts";
import type { Settings } from "./options.ts";
import { watchOwnership } from "./ownership.ts";
import { type HeldBy, Partitions, type Tenure } from "./partitions.ts";

/** How long the SDK waits for events before it hands over none. A connection that is cut while it waits is noticed only then. */
const IDLE_S = 1;

export interface HubReaderOptions {
  readonly hub: string;
  readonly group: string;
  readonly startFrom: Source["startFrom"];
  /** Names a partition's lane. */
  readonly laneOf: (partition: string) => string;
  readonly connect: Connect;
  readonly checkpoints: Checkpoints;
  readonly settings: Pick<Settings, "partitionBatch" | "loadBalancing">;
  readonly call: Call;
  readonly handoff: Handoff;
  readonly held: HeldBy;
}

/** One consumer of one hub and group. What it reads goes to the handoff; what it holds stands in `held`. */
export interface HubReader {
  readonly hub: string;
  readonly place: Place;
  readonly ownerId: string;
  /** Partitions may still be on their way: none was read from yet, or one that is ours not yet. */
  readonly isCold: boolean;
  /** Whether the store says that this consumer owns the partition. */
  owns(partition: string, signal: AbortSignal): Promise<boolean>;
  /** Every delivery of it is lost from here on; gives the partitions up. Resolves when the SDK has, or the call has failed. */
  close(): Promise<void>;
}

/** What makes the SDK stop reading a partition and close its link, as if the broker had taken it away. Nothing else is ever thrown at it. */
const over = () =>
  Object.assign(new Error("The partition is read by another consumer."), {
    code: "ReceiverDisconnectedError",
    retryable: false,
  });

/** Checks that hub and consumer group exist, fixes where to begin, and starts to read. Throws what is wrong within seconds. */
export async function openHubReader(options: HubReaderOptions): Promise<HubReader> {
  const { hub, group, connect, checkpoints, settings, handoff, held } = options;
  const ownerId = `waybill-${randomUUID()}`;
  const partitions = new Partitions((tenure) => handoff.discard((delivery) => held.get(delivery)?.tenure === tenure));
  const watched = watchOwnership(checkpoints.store, ownerId, partitions);
  const client = connect.consumer(hub, group, { store: watched, ownerId, loadBalancing: settings.loadBalancing });
  const place: Place = {
    fullyQualifiedNamespace: client.fullyQualifiedNamespace,
    eventHubName: client.eventHubName,
    consumerGroup: group,
  };
  let closing: Promise<void> | undefined;
  let subscription: Subscription | undefined;

  const hold = (event: ReceivedEventData, tenure: Tenure): Delivery => {
    const delivery: Delivery = {
      message: toMessage(event, tenure.partition),
      lane: tenure.lane,
      lost: tenure.lost,
      raw: event,
    };
    held.set(delivery, { tenure, sequenceNumber: event.sequenceNumber, offset: event.offset });
    return delivery;
  };

  const close = async () => {
    watched.release();
    partitions.endAll();
    // Gives up ownership, which fails where the store is down: it then ends by itself.
    await subscription?.close().catch(() => undefined);
    await client.close().catch(() => undefined);
  };

  try {
    const partitionIds = await begin(options, place, client);
    subscription = client.subscribe(
      {
        processInitialize: async ({ partitionId }) => {
          if (closing === undefined) partitions.begin(partitionId, options.laneOf(partitionId));
        },
        processEvents: async (events, { partitionId }) => {
          const tenure = partitions.get(partitionId);
          if (tenure === undefined) throw over();
          tenure.warm = true;
          if (events.length > 0)
            await handoff.offer(
              events.map((event) => hold(event, tenure)),
              tenure.lost,
            );
          if (tenure.lost.aborted) throw over();
          await renewLinkInTime(client, tenure, events.length, settings.partitionBatch);
        },
        processError: async (error, { partitionId }) => {
          const { code, name } = error as { code?: unknown; name?: unknown };
          if (closing !== undefined || name === "AbortError" || code === "ReceiverDisconnectedError") return;
          const entity = `hub ${hub} in consumer group ${group}`;
          handoff.fail(
            failedCall(partitionId === "" ? "Sharing out" : `Reading partition ${partitionId} of`, entity, error),
          );
        },
        processClose: async (_reason, { partitionId }) => partitions.end(partitionId),
      },
      {
        // Only for partitions without a position: which are all of a new group, or those that were added to the hub later.
        startPosition: earliestEventPosition,
        maxBatchSize: settings.partitionBatch,
        prefetchCount: settings.partitionBatch,
        maxWaitTimeInSeconds: IDLE_S,
        skipParsingBodyAsJson: true,
      },
    );
    return {
      hub,
      place,
      ownerId,
      get isCold() {
        const { all } = partitions;
        if (all.length === partitionIds.length || watched.rounds > 1) return all.some(({ warm }) => !warm);
        return true;
      },
      async owns(partition, abortSignal) {
        const { fullyQualifiedNamespace, eventHubName, consumerGroup } = place;
        const all = await checkpoints.store.listOwnership(fullyQualifiedNamespace, eventHubName, consumerGroup, {
          abortSignal,
        });
        return all.some(({ partitionId, ownerId: owner }) => partitionId === partition && owner === ownerId);
      },
      close: () => {
        closing ??= close();
        return closing;
      },
    };
  } catch (error) {
    await close();
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
