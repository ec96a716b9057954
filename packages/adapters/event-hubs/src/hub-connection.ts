import { randomUUID } from "node:crypto";
import { type EventHubConsumerClient, earliestEventPosition, type Subscription } from "@azure/event-hubs";
import type { Handoff } from "@waybill/core/spi";
import type { Checkpoints } from "./checkpoints.ts";
import { failedCall } from "./classify.ts";
import type { Connect } from "./connect.ts";
import { renewLinkInTime } from "./credit.ts";
import { discardClient } from "./discard.ts";
import { HubDelivery } from "./hub-delivery.ts";
import { inTime } from "./in-time.ts";
import type { Settings } from "./options.ts";
import { watchOwnership } from "./ownership.ts";
import { Partitions } from "./partitions.ts";
import { type Pulse, startPulse } from "./pulse.ts";

/** How long the SDK waits for events before it hands over none. A connection that is cut while it waits is noticed only then. */
const IDLE_S = 1;

/** How long the SDK has to give its partitions up. */
const LEAVE_MS = 2_000;

export interface HubConnectionOptions {
  readonly hub: string;
  readonly group: string;
  /** Names a partition's lane. */
  readonly laneOf: (partition: string) => string;
  readonly connect: Connect;
  readonly checkpoints: Checkpoints;
  readonly settings: Pick<Settings, "partitionBatch" | "loadBalancing" | "answerMs">;
  readonly handoff: Handoff;
}

/** One client of the SDK, which is one connection, and what is read through it. */
export interface HubConnection {
  readonly client: EventHubConsumerClient;
  readonly ownerId: string;
  readonly partitions: Partitions;
  /** How often the balancer has looked who owns what. */
  readonly rounds: number;
  /** Starts to read. `dead` is called when the service does not answer on this connection any more, though it stands. */
  read(dead: () => void): void;
  /** Every delivery of it is lost from here on; gives the partitions up. */
  close(): Promise<void>;
}

/** What makes the SDK stop reading a partition and close its link, as if the broker had taken it away. Nothing else is ever thrown at it. */
const over = () =>
  Object.assign(new Error("The partition is read by another consumer."), {
    code: "ReceiverDisconnectedError",
    retryable: false,
  });

export function openConnection(options: HubConnectionOptions, former: ReadonlySet<string>): HubConnection {
  const { hub, group, connect, checkpoints, settings, handoff } = options;
  const ownerId = `waybill-${randomUUID()}`;
  const partitions = new Partitions((tenure) =>
    handoff.discard((delivery) => (delivery as HubDelivery).tenure === tenure),
  );
  const watched = watchOwnership(checkpoints.store, ownerId, partitions, former);
  const client = connect.consumer(hub, group, { store: watched, ownerId, loadBalancing: settings.loadBalancing });
  let isClosed = false;
  let subscription: Subscription | undefined;
  let pulse: Pulse | undefined;

  const read = (dead: () => void) => {
    pulse = startPulse(watched, settings.loadBalancing.updateIntervalInMs + settings.answerMs, dead);
    subscription = client.subscribe(
      {
        processInitialize: async ({ partitionId }) => {
          if (!isClosed) partitions.begin(partitionId, options.laneOf(partitionId));
        },
        processEvents: async (events, { partitionId }) => {
          const tenure = partitions.get(partitionId);
          if (tenure === undefined) throw over();
          tenure.warm = true;
          if (events.length > 0)
            await handoff.offer(
              events.map((event) => new HubDelivery(event, tenure, handoff)),
              tenure.lost,
            );
          if (tenure.lost.aborted) throw over();
          await renewLinkInTime(client, tenure, events.length, settings.partitionBatch);
        },
        processError: async (error, { partitionId }) => {
          const { code, name } = error as { code?: unknown; name?: unknown };
          if (isClosed || name === "AbortError" || code === "ReceiverDisconnectedError") return;
          const doing = partitionId === "" ? "Sharing out" : `Reading partition ${partitionId} of`;
          handoff.fail(failedCall(doing, `hub ${hub} in consumer group ${group}`, error));
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
  };

  return {
    client,
    ownerId,
    partitions,
    get rounds() {
      return watched.rounds;
    },
    read,
    async close() {
      isClosed = true;
      pulse?.stop();
      watched.release();
      partitions.endAll();
      // Gives up ownership, which fails where the store is down: it then ends by itself. On a dead connection it would wait for the links.
      if (subscription !== undefined) await inTime(subscription.close(), LEAVE_MS);
      await discardClient(client);
    },
  };
}
