import type { CheckpointStore } from "@azure/event-hubs";
import { BlobCheckpointStore } from "@azure/eventhubs-checkpointstore-blob";
import { ContainerClient, type StoragePipelineOptions } from "@azure/storage-blob";
import { blobPositions } from "./blob-positions.ts";
import { eventHubsErrors } from "./errors.ts";
import type { CheckpointOptions } from "./options.ts";
import { type Positions, storePositions } from "./positions.ts";

/** Where one adapter's consumers keep their positions. */
export interface Checkpoints {
  /** What the SDK shares partitions out with. */
  readonly store: CheckpointStore;
  /** How positions are moved: forwards only. */
  readonly positions: Positions;
  /** The blob container, where there is one. */
  readonly container: ContainerClient | undefined;
}

const DEFAULT_CONTAINER = "waybill-checkpoints";
/** One quick retry; core does the rest, with backoff. */
const PIPELINE: StoragePipelineOptions = {
  retryOptions: { maxTries: 2, retryDelayInMs: 100, maxRetryDelayInMs: 1_000, tryTimeoutInMs: 10_000 },
};

/** No I/O. What is wrong is said without repeating a value. */
export function openCheckpoints(options: CheckpointOptions | undefined): Checkpoints | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== "object" || options === null) throw refused("checkpoints is no object");
  const forms = ["connectionString", "containerUrl", "store"].filter((form) => form in options);
  if (forms.length !== 1) throw refused(`${forms.length} of its three forms were given`);
  if ("store" in options) {
    if (!isStore(options.store)) throw refused("store lacks methods of the SDK's CheckpointStore");
    return { store: options.store, positions: storePositions(options.store), container: undefined };
  }
  const container = containerOf(options);
  // The published package is typed against its own copy of the SDK.
  const store = new BlobCheckpointStore(container) as unknown as CheckpointStore;
  return { store, positions: blobPositions(container, store), container };
}

function containerOf(options: Exclude<CheckpointOptions, { store: unknown }>): ContainerClient {
  try {
    return "connectionString" in options
      ? new ContainerClient(options.connectionString, options.container ?? DEFAULT_CONTAINER, PIPELINE)
      : new ContainerClient(options.containerUrl, options.credential, PIPELINE);
  } catch {
    throw refused(
      "connectionString" in options
        ? "its connectionString was not understood by the SDK"
        : "its containerUrl or credential was not understood by the SDK",
    );
  }
}

function isStore(store: unknown): store is CheckpointStore {
  const methods = ["listOwnership", "claimOwnership", "updateCheckpoint", "listCheckpoints"];
  return methods.every((method) => typeof (store as Record<string, unknown> | null)?.[method] === "function");
}

const refused = (problem: string) => eventHubsErrors.WB_EVENT_HUBS_CHECKPOINTS({ problem });
