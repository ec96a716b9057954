import type { Receiver } from "@waybill/core/spi";
import { expect, it } from "vitest";
import { onceThere } from "./once-there.ts";

it("opens nothing once it is closed, though the topic turns out to be there", async () => {
  const there = Promise.withResolvers<boolean>();
  let opened = 0;
  const open = async () => {
    opened++;
    return { receive: async () => [] } as unknown as Receiver;
  };
  const receiver = onceThere({ isThere: () => there.promise, open, returnTo: undefined });
  const want = { max: 1, maxBytes: 1, pausedLanes: new Set<string>() };
  const receiving = receiver.receive(want, new AbortController().signal);
  await receiver.close();
  there.resolve(true);
  expect(await receiving).toEqual([]);
  expect(opened).toBe(0);
});
