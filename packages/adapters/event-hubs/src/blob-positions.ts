import type { CheckpointStore } from "@azure/event-hubs";
import type { ContainerClient } from "@azure/storage-blob";
import { type Moved, type Place, type Position, type Positions, storePositions } from "./positions.ts";

interface Known {
  readonly etag: string | undefined;
  readonly sequenceNumber: number;
}

/** Other owners may write at the same moment so many times before a move gives up. */
const MAX_ROUNDS = 5;

/**
 * Over blobs in the layout that all of Microsoft's SDKs share: `{namespace}/{hub}/{group}/checkpoint/{partition}`, in lower case, with the position
 * in the metadata. Each write carries the ETag of what was read or written last, so a write by anybody else is noticed, and read before the
 * next try. In the steady state that is one request a move.
 */
export function blobPositions(container: ContainerClient, store: CheckpointStore): Positions {
  const known = new Map<string, Known>();

  const read = async (name: string, abortSignal: AbortSignal): Promise<Known> => {
    try {
      const { etag, metadata } = await container.getBlobClient(name).getProperties({ abortSignal });
      const sequenceNumber = Number.parseInt(metadata?.sequencenumber ?? "", 10);
      return { etag, sequenceNumber: Number.isNaN(sequenceNumber) ? Number.NEGATIVE_INFINITY : sequenceNumber };
    } catch (error) {
      if (statusOf(error) === 404 && codeOf(error) !== "ContainerNotFound")
        return { etag: undefined, sequenceNumber: Number.NEGATIVE_INFINITY };
      throw error;
    }
  };

  const write = async (name: string, etag: string | undefined, position: Position, abortSignal: AbortSignal) => {
    const blob = container.getBlockBlobClient(name);
    const metadata = { sequencenumber: String(position.sequenceNumber), offset: position.offset };
    if (etag !== undefined) return blob.setMetadata(metadata, { abortSignal, conditions: { ifMatch: etag } });
    return blob.upload("", 0, { abortSignal, metadata, conditions: { ifNoneMatch: "*" } });
  };

  const advance = async (name: string, position: Position, signal: AbortSignal): Promise<Moved> => {
    for (let round = 1; ; round++) {
      const there = known.get(name) ?? (await read(name, signal));
      if (there.sequenceNumber >= position.sequenceNumber) return "ahead";
      try {
        const { etag } = await write(name, there.etag, position, signal);
        known.set(name, { etag, sequenceNumber: position.sequenceNumber });
        return "moved";
      } catch (error) {
        known.delete(name);
        const status = statusOf(error);
        const changed = status === 412 || status === 409 || (status === 404 && there.etag !== undefined);
        if (!changed || round === MAX_ROUNDS) throw error;
      }
    }
  };

  return {
    ...storePositions(store),
    advance: (place, partition, position, signal) => advance(blobName(place, partition), position, signal),
    begin: async (place, partition, position, abortSignal) => {
      try {
        await write(blobName(place, partition), undefined, position, abortSignal);
      } catch (error) {
        // Somebody else began.
        if (statusOf(error) !== 409 && statusOf(error) !== 412) throw error;
      }
    },
  };
}

function blobName({ fullyQualifiedNamespace, eventHubName, consumerGroup }: Place, partition: string): string {
  return `${[fullyQualifiedNamespace, eventHubName, consumerGroup].join("/").toLowerCase()}/checkpoint/${partition}`;
}

const statusOf = (error: unknown) => (error as { statusCode?: unknown } | null)?.statusCode;
const codeOf = (error: unknown) => (error as { code?: unknown } | null)?.code;
