import { expect, it } from "vitest";
import { unlessAborted } from "./unless-aborted.ts";

it("answers the value, or nothing once the signal aborts, however the promise ends", async () => {
  const abort = new AbortController();
  expect(await unlessAborted(Promise.resolve(1), abort.signal)).toBe(1);
  await expect(unlessAborted(Promise.reject(new Error("no")), abort.signal)).rejects.toThrow("no");
  const late = Promise.withResolvers<number>();
  const waiting = unlessAborted(late.promise, abort.signal);
  abort.abort();
  expect(await waiting).toBeUndefined();
  expect(await unlessAborted(late.promise, abort.signal)).toBeUndefined();
  // Nobody hears of it: an unhandled rejection would end the process.
  late.reject(new Error("too late"));
});
