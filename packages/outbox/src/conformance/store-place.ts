import type { Store } from "../store.ts";

/** A place for one test's data that several stores can be opened on, as several processes would. */
export interface StorePlace<Tx> {
  /** Opens a store on it. The suite closes it. */
  open(): Store<Tx>;
  /** Runs the application's own SQL in a transaction; `?` are the values. Answers the rows. */
  query(tx: Tx, sql: string, values?: readonly (string | number)[]): Promise<readonly Record<string, unknown>[]>;
  /** Makes published rows that were kept for an hour or more. To remove them takes some seconds, whether one by one or in pieces. */
  keepSlowRows(store: Store<Tx>): Promise<void>;
  /** Removes everything. */
  remove(): Promise<void>;
}

export interface StoreConformanceOptions<Tx> {
  readonly name: string;
  /** An empty place, new for each test. */
  readonly place: () => Promise<StorePlace<Tx>>;
}
