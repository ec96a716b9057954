/** This machine cannot run PostgreSQL; the message says why. */
export class PostgresUnavailable extends Error {
  override readonly name = "PostgresUnavailable";
}
