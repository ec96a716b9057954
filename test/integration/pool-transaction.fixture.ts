import type { OpenTransaction } from "@waybill/outbox";
import type { Pool, PoolClient } from "pg";

/** Transactions as an application without a library of its own opens them, on clients of its pool. */
export const transactionOf =
  (pool: Pool, begin = "BEGIN"): OpenTransaction<PoolClient> =>
  async (work) => {
    const client = await pool.connect();
    try {
      await client.query(begin);
      const result = await work(client);
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
  };
