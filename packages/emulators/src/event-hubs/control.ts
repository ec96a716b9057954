import { AmqpError } from "../amqp/amqp-error.ts";
import type { Listener } from "../amqp/listener.ts";
import { type PlainMessage, writeMessage } from "../amqp/write-message.ts";
import type { MovableClock } from "../clock.ts";
import { type Epoch, notFound, tooLarge } from "./conditions.ts";
import { readEvents } from "./event-message.ts";
import type { FaultPlan } from "./fault-plan.ts";
import { DEFAULT_GROUP, type HubOptions } from "./hub-settings.ts";
import type { Hubs } from "./hubs.ts";
import type { Namespace } from "./namespace.ts";
import type { Partition } from "./partition.ts";
import type { Reader } from "./readers.ts";

export interface ReaderView {
  readonly consumerGroup: string;
  readonly name: string;
  readonly ownerLevel: Epoch | undefined;
  /** The sequence number of the next event that it gets; undefined for a partition that `takeOver` holds. */
  readonly nextSequenceNumber: number | undefined;
}

export interface PartitionView {
  readonly id: string;
  readonly beginSequenceNumber: number;
  /** -1 when there never was an event. */
  readonly lastSequenceNumber: number;
  readonly lastOffset: string;
  readonly eventCount: number;
  readonly bytes: number;
  readonly readers: readonly ReaderView[];
}

/** Which links are meant: all that fit what is given. */
export interface LinkChoice {
  readonly hub?: string | undefined;
  readonly partition?: string | undefined;
  readonly role?: "sender" | "receiver" | undefined;
}

export interface Takeover {
  readonly consumerGroup?: string | undefined;
  /** Default: one more than the present owner's, at least 1. */
  readonly ownerLevel?: number | undefined;
}

export interface EventHubsControl {
  createHub(name: string, options?: HubOptions): void;
  /** Puts an event into a hub, as a sender would; its partition key decides where. Throws what a sender would be told. */
  send(hub: string, event: PlainMessage): void;
  /** Fine when it exists. */
  createConsumerGroup(hub: string, name: string): void;
  /** Reads this partition, as another process with a higher owner level would: whoever reads it is disconnected, and lower levels are refused, until the returned function is called. */
  takeOver(hub: string, partition: string, takeover?: Takeover): () => void;
  /** Cuts sockets, without a word: of the links that are chosen, or all. Returns how many. */
  cutConnections(choice?: LinkChoice): number;
  /** Ends links with an error. Returns how many. */
  detachLinks(condition: string, description: string, choice?: LinkChoice): number;
  /** Answers sends and property requests with server-busy, until told otherwise. */
  throttle(isBusy: boolean): void;
  /** Reads and writes nothing on the open connections; the sockets stay. Turned off, they are cut, as after a stalled network. */
  stopAnswering(stopped: boolean): void;
  /** Moves the emulator's clock forward: events grow old. */
  advanceClock(ms: number): void;
  /** What the partitions of a hub hold now. */
  state(hub: string): readonly PartitionView[];
  readonly connectionCount: number;
}

export function createControl(parts: {
  readonly hubs: Hubs;
  readonly namespace: Namespace;
  readonly faults: FaultPlan;
  readonly listener: Listener;
  readonly clock: MovableClock;
}): EventHubsControl {
  const { hubs, namespace, faults, listener, clock } = parts;
  const chosen = ({ hub, partition, role }: LinkChoice) => {
    const wanted = hub === undefined ? undefined : hubs.get(hub);
    return [...namespace.links]
      .filter(
        ([, link]) =>
          (wanted === undefined || link.hub === wanted) &&
          (partition === undefined || link.partition?.id === partition) &&
          (role === undefined || link.role === role),
      )
      .map(([link]) => link);
  };
  return {
    createHub: (name, options = {}) => void hubs.create(name, options),
    send: (hub, event) => {
      const bytes = writeMessage(event);
      const { maxMessageBytes } = hubs.get(hub).settings;
      if (bytes.length > maxMessageBytes) throw tooLarge(maxMessageBytes);
      hubs.get(hub).append(readEvents(bytes, 0), undefined);
    },
    createConsumerGroup: (hub, name) => hubs.addConsumerGroup(hub, name),
    takeOver: (hub, partition, takeover) => takeOver(hubs.get(hub).partition(partition), takeover),
    cutConnections: (choice) => {
      const cut = new Set(
        choice === undefined ? listener.connections : chosen(choice).map(({ session }) => session.connection),
      );
      for (const connection of cut) connection.cut();
      return cut.size;
    },
    detachLinks: (condition, description, choice = {}) => {
      const links = chosen(choice);
      for (const link of links) link.close(new AmqpError(condition, description));
      return links.length;
    },
    throttle: (isBusy) => {
      faults.isBusy = isBusy;
    },
    stopAnswering: (stopped) => {
      for (const connection of listener.connections) {
        if (stopped) connection.silence(true);
        else connection.cut();
      }
      faults.holdsAttach = stopped;
    },
    advanceClock: (ms) => clock.advance(ms),
    state: (hub) => hubs.get(hub).partitions.map(view),
    get connectionCount() {
      return listener.connections.size;
    },
  };
}

function takeOver(partition: Partition, { consumerGroup = DEFAULT_GROUP, ownerLevel }: Takeover = {}): () => void {
  const readers = partition.readersOf(consumerGroup);
  if (readers === undefined) throw notFound(consumerGroup);
  const levels = [...readers].map(({ epoch }) => Number(epoch ?? 0));
  const thief: Reader = {
    name: "control",
    epoch: ownerLevel ?? Math.max(0, ...levels) + 1,
    next: undefined,
    disconnect: () => undefined,
  };
  readers.admit(thief);
  return () => readers.leave(thief);
}

function view(partition: Partition): PartitionView {
  const { id, log } = partition;
  return {
    id,
    beginSequenceNumber: log.beginSequence,
    lastSequenceNumber: log.last?.sequenceNumber ?? -1,
    lastOffset: String(log.last?.offset ?? -1),
    eventCount: log.nextSequence - log.beginSequence,
    bytes: log.bytes,
    readers: [...partition.groups()].flatMap(({ group: consumerGroup, readers }) =>
      [...readers].map(({ name, epoch, next }) => ({
        consumerGroup,
        name,
        ownerLevel: epoch,
        nextSequenceNumber: next,
      })),
    ),
  };
}
