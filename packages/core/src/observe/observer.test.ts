import { expect, it } from "vitest";
import { combineObservers } from "./observer.ts";

it("calls every watcher, whatever becomes of the others", async () => {
  const seen: string[] = [];
  const { published } = combineObservers([
    {
      published() {
        throw new Error("no");
      },
    },
    // Nobody hears of it: an unhandled rejection would end the process.
    { published: async () => Promise.reject(new Error("later")) },
    { published: ({ id }) => seen.push(id) },
  ]);
  published?.({ topic: "notes", id: "1" });
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual(["1"]);
});
