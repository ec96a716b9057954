/** Checked by the compiler, never run: what `outbox.publish` takes as a transaction, and what it must not. */
import { defineEvent, defineTopic } from "@waybill/core";
import type { MysqlTx, Outbox, PostgresTx } from "@waybill/outbox";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import type { Knex } from "knex";
import type { Kysely } from "kysely";
import type mysqlCallbacks from "mysql2";
import type mysql from "mysql2/promise";
import type pg from "pg";

const placed = defineEvent("placed");
const orders = defineTopic("orders", [placed]);
const event = placed({ orderId: "o-1" });

export async function onPostgres(
  outbox: Outbox<pg.PoolClient, PostgresTx>,
  on: { client: pg.Client; pool: pg.Pool; kysely: Kysely<object>; knex: Knex; drizzle: NodePgDatabase },
): Promise<void> {
  await outbox.transaction(async (tx) => {
    await tx.query("SELECT 1");
    await outbox.publish(tx, orders, event);
  });
  await outbox.publish(on.client, orders, event);
  await on.kysely.transaction().execute((trx) => outbox.publish(trx, orders, event));
  await on.knex.transaction((trx) => outbox.publish(trx, orders, event));
  await on.drizzle.transaction((tx) => outbox.publish(tx, orders, event));
  // @ts-expect-error a pool has no transaction
  await outbox.publish(on.pool, orders, event);
  // @ts-expect-error nor has a Kysely instance
  await outbox.publish(on.kysely, orders, event);
  // @ts-expect-error nor a knex instance
  await outbox.publish(on.knex, orders, event);
  // @ts-expect-error nor a Drizzle database
  await outbox.publish(on.drizzle, orders, event);
}

export async function onMysql(
  outbox: Outbox<mysql.PoolConnection, MysqlTx>,
  on: {
    connection: mysql.Connection;
    callbacks: mysqlCallbacks.Connection;
    pool: mysql.Pool;
    kysely: Kysely<object>;
    knex: Knex;
    drizzle: MySql2Database;
  },
): Promise<void> {
  await outbox.publish(on.connection, orders, event);
  await outbox.publish(on.callbacks, orders, event);
  await on.kysely.transaction().execute((trx) => outbox.publish(trx, orders, event));
  await on.knex.transaction((trx) => outbox.publish(trx, orders, event));
  await on.drizzle.transaction((tx) => outbox.publish(tx, orders, event));
  // @ts-expect-error a pool has no transaction
  await outbox.publish(on.pool, orders, event);
}
