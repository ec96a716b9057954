import { startOrSkip } from "../servers/unavailable.ts";
import { type PostgresOptions, type RunningPostgres, startPostgres } from "./start-postgres.ts";

/**
 * The server of a test suite; `undefined`, with one line on stderr, where there can be none and `CI` is not set.
 *
 *     const postgres = await testPostgres("postgres store");
 *     describe.skipIf(!postgres)("postgres store", () => …);
 */
export function testPostgres(suite: string, options: PostgresOptions = {}): Promise<RunningPostgres | undefined> {
  return startOrSkip(suite, () => startPostgres(options));
}
