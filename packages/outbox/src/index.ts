export type { DeadEvent, DeadEvents } from "./dead-events.ts";
export type { MysqlTx, PostgresTx } from "./handles/join-transaction.ts";
export type { OpenTransaction } from "./handles/open-transaction.ts";
export { createInbox, type StoreInbox } from "./inbox/create-inbox.ts";
export { type MemoryInboxOptions, memoryInbox } from "./inbox/memory-inbox.ts";
export type { BatchOutcome } from "./inbox/process-batch.ts";
export { createOutbox, type Outbox, type OutboxOptions } from "./outbox.ts";
export { isPermanent } from "./relay/permanent.ts";
export { createRelay, type Relay, type RelayOptions } from "./relay/relay.ts";
export type { RelayObserver } from "./relay/relay-observer.ts";
export type { RelayStatus } from "./relay/relay-status.ts";
export type {
  ClaimOptions,
  Counts,
  DeadRow,
  DeadRows,
  Failure,
  Feed,
  FeedOptions,
  InboxRows,
  LeaseHolder,
  Leases,
  Migrations,
  NewRow,
  OutboxRow,
  Overview,
  PublishedRow,
  Store,
  TopicBacklog,
} from "./store.ts";
