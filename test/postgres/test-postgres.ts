import { PostgresUnavailable } from "./postgres-unavailable.ts";
import { type PostgresOptions, type RunningPostgres, startPostgres } from "./start-postgres.ts";

/**
 * The server of a test suite. Where there can be none: one line on stderr and `undefined`, so that the suite is skipped; where `CI` is
 * set, a rejection. A server that could start and does not is always a rejection.
 *
 *     const postgres = await testPostgres("postgres store");
 *     describe.skipIf(!postgres)("postgres store", () => …);
 */
export async function testPostgres(suite: string, options: PostgresOptions = {}): Promise<RunningPostgres | undefined> {
  try {
    return await startPostgres(options);
  } catch (error) {
    if (process.env.CI || !(error instanceof PostgresUnavailable)) throw error;
    console.warn(`${suite}: skipped. ${error.message}`);
    return undefined;
  }
}
