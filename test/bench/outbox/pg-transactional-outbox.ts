import type { RawCloudEvent } from "@waybill/core";
import type { PoolConfig } from "pg";
import {
  type DatabasePollingSetupConfig,
  DatabaseSetup,
  getDisabledLogger,
  initializePollingMessageListener,
  type StoredTransactionalMessage,
} from "pg-transactional-outbox";
import type { RunningPostgres } from "../../postgres/start-postgres.ts";
import type { Counting } from "./counting.ts";
import { KEYS, settle } from "./load.ts";

/**
 * pg-transactional-outbox with the tuning that was best in our tries: batches of 100, a pool of 20, no pause between polls. It gives every
 * message a transaction of its own with the handler inside, which an outbox does not need and an inbox does.
 */
export async function drainPgTransactionalOutbox(
  server: RunningPostgres,
  url: string,
  counting: Counting,
  events: number,
  limitMs: number,
): Promise<number> {
  const setup: DatabasePollingSetupConfig = {
    outboxOrInbox: "outbox",
    database: new URL(url).pathname.slice(1),
    schema: "public",
    table: "peer_outbox",
    listenerRole: "postgres",
    nextMessagesName: "next_peer_messages",
  };
  await server.query(DatabaseSetup.dropAndCreateTable(setup), url);
  await server.query(DatabaseSetup.createPollingFunction(setup), url);
  await server.query(DatabaseSetup.setupPollingIndexes(setup), url);
  await server.query(
    `INSERT INTO peer_outbox (id, aggregate_type, aggregate_id, message_type, segment, payload)
     SELECT gen_random_uuid(), 'order', 'k' || (i % ${KEYS}), 'placed', 'k' || (i % ${KEYS}),
       jsonb_build_object('orderId', 'o-' || i, 'total', 42, 'note', '${"x".repeat(90)}') FROM generate_series(1, ${events}) i`,
    url,
  );
  await settle(server, url);
  let shutdown: (() => Promise<void>) | undefined;
  try {
    return await counting.rate(
      events,
      limitMs,
      async () => {
        [shutdown] = initializePollingMessageListener(
          {
            outboxOrInbox: "outbox",
            dbListenerConfig: { connectionString: url, max: 20 } as PoolConfig,
            settings: {
              dbSchema: "public",
              dbTable: "peer_outbox",
              nextMessagesFunctionName: "next_peer_messages",
              nextMessagesBatchSize: 100,
              nextMessagesPollingIntervalInMs: 1,
              enableMaxAttemptsProtection: true,
              enablePoisonousMessageProtection: true,
            },
          },
          { handle: (message) => counting.one(eventOf(message)) },
          getDisabledLogger(),
        );
      },
      "first call",
    );
  } finally {
    await shutdown?.();
  }
}

function eventOf({ id, aggregateId, payload }: StoredTransactionalMessage): RawCloudEvent {
  return {
    specversion: "1.0",
    id,
    source: "/shop",
    type: "com.example.order.placed",
    partitionkey: aggregateId,
    datacontenttype: "application/json",
    data: payload,
  };
}
