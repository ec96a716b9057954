import { runStoreConformance } from "@waybill/outbox/conformance";
import { mysql } from "@waybill/outbox/mysql";
import type { RowDataPacket } from "mysql2/promise";
import { afterAll, describe } from "vitest";
import { startMariadb } from "../mariadb/start-mariadb.ts";
import { startOrSkip } from "../servers/unavailable.ts";

const mariadb = await startOrSkip("MariaDB store", startMariadb);
afterAll(() => mariadb?.stop());

describe.skipIf(mariadb === undefined)("MariaDB", () => {
  runStoreConformance({
    name: "mysql",
    async place() {
      const url = await mariadb!.database();
      return {
        open: () => mysql({ url, maxConnections: 5 }),
        async query(tx, sql, values = []) {
          const [rows] = await tx.query<RowDataPacket[]>(sql, [...values]);
          return rows;
        },
        async keepSlowRows() {
          await mariadb!.query("CREATE TRIGGER slow AFTER DELETE ON outbox_sent FOR EACH ROW DO SLEEP(3)", url);
          await mariadb!.query(
            "INSERT INTO outbox_sent (pos, topic, event, sent_at) VALUES (1, 'notes', '{}', 0)",
            url,
          );
        },
        remove: async () => void (await mariadb!.query(`DROP DATABASE ${new URL(url).pathname.slice(1)}`)),
      };
    },
  });
});
