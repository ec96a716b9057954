/**
 * The names of everything Waybill writes beside an event. They are transport headers where the broker has headers, and members at
 * the front of the JSON document where it has none; never part of the application's data.
 */
export const HEADER = {
  /** The attempt that this copy or released message is, from 2. */
  attempt: "wbattempt",
  /** RFC 3339: when the first attempt failed. */
  firstFailure: "wbfirstfailure",
  /** How often this event has been redriven from a dead-letter store, from 1. */
  redrives: "wbredrives",
  /** Types of extension attributes that are no text, `name=i` (integer) or `name=b` (boolean) joined by commas; `data=n`: no data, where no bytes would be some. */
  types: "wbtypes",
  reason: "wbreason",
  error: "wberror",
  attempts: "wbattempts",
  topic: "wbtopic",
  subscription: "wbsubscription",
  time: "wbtime",
} as const;

/** What travels with a message between two deliveries of it. */
export interface Bookkeeping {
  readonly attempt?: number | undefined;
  readonly firstFailure?: string | undefined;
  readonly redrives?: number | undefined;
}
