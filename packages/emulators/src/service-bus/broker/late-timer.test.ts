import { expect, it } from "vitest";
import { writeMessage } from "../../amqp/write-message.ts";
import type { Clock } from "../../clock.ts";
import { Broker } from "./broker.ts";
import { readContent } from "./content.ts";

/** A clock whose timers are late for as long as nobody calls them, as on a machine that is busy. */
function lateClock(): Clock & { now(): number; pass(ms: number): void } {
  let now = 1_000;
  return {
    now: () => now,
    at: () => ({ cancel: () => undefined }),
    pass: (ms) => {
      now += ms;
    },
  };
}

const MESSAGE = readContent(writeMessage({ body: "x", sessionId: "s" }));

it("takes no word from a lock whose time is over, however late its timer is", () => {
  const clock = lateClock();
  const queue = new Broker(clock).createQueue("q", { lockDurationMs: 100 });
  const { main } = queue.stores;
  const tokens: string[] = [];
  const consumer = (credit: number) => ({
    credit,
    receiveAndDelete: false,
    session: undefined,
    deliver(_message: unknown, lock: { readonly key: string } | undefined) {
      this.credit -= 1;
      tokens.push(lock!.key);
    },
  });
  main.enqueue(MESSAGE);
  main.attach(consumer(1));
  clock.pass(100);
  expect(() => main.renew(tokens[0]!)).toThrow(/lock/i);
  main.attach(consumer(1));
  clock.pass(100);
  expect(main.settle(tokens[1]!, { kind: "complete" })?.condition).toBe("com.microsoft:message-lock-lost");
  expect([...main.all()]).toMatchObject([{ deliveryCount: 2 }]);
});

it("nor from a session", () => {
  const clock = lateClock();
  const queue = new Broker(clock).createQueue("q", { lockDurationMs: 100, requiresSession: true });
  const { main } = queue.stores;
  main.enqueue(MESSAGE);
  const hold = main.sessions.accept("s");
  clock.pass(100);
  expect(() => main.sessions.setState("s", Buffer.from("late"))).toThrow(/session/);
  expect(hold.over).toBe(true);
  expect(main.sessions.accept("s").over).toBe(false);
});
