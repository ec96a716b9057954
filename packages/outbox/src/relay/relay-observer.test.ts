import { expect, test } from "vitest";
import { safeObserver } from "./relay-observer.ts";

test("what a watcher throws or rejects with stops nothing", async () => {
  let calls = 0;
  const tell = safeObserver({
    published() {
      calls++;
      throw new Error("no");
    },
    // Nobody hears of it: an unhandled rejection would end the process.
    async trouble() {
      calls++;
      throw new Error("later");
    },
  });
  tell("published", { topic: "notes", count: 1 });
  tell("trouble", { error: new Error("lost") });
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toBe(2);
});
