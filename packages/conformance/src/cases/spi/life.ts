import assert from "node:assert/strict";
import type { Adapter, ErrorKind } from "@waybill/core/spi";
import type { ConformanceCase } from "../../case.ts";
import { ids, idsOf } from "../../events.ts";
import type { Stage } from "../../stage.ts";

const KINDS: readonly ErrorKind[] = [
  "transient",
  "throttled",
  "lost",
  "unauthorized",
  "not-found",
  "too-large",
  "invalid",
  "closed",
  "unknown",
];

/** The kind of the error that a call throws, or answers. */
async function kindOf(stage: Stage, adapter: Adapter, call: () => Promise<unknown>): Promise<string> {
  try {
    const answer = await stage.run((async () => call())(), "a call after close");
    const first = Array.isArray(answer) ? (answer as readonly { ok?: boolean; error?: unknown }[])[0] : undefined;
    return first?.ok === false ? adapter.classify(first.error) : "works";
  } catch (error) {
    return adapter.classify(error);
  }
}

/** What nothing good can be said of, but must not break the one who asks. */
function oddities(): unknown[] {
  const circular: Record<string, unknown> = { name: "Error" };
  circular.cause = circular;
  const hostile = new Proxy(
    {},
    {
      get() {
        throw new Error("a getter that throws");
      },
      has() {
        throw new Error("a trap that throws");
      },
    },
  );
  const getters = Object.defineProperty(new Error("x"), "code", {
    get() {
      throw new Error("no");
    },
  });
  return [
    undefined,
    null,
    0,
    "",
    "ETIMEDOUT",
    Symbol("x"),
    10n,
    () => undefined,
    [],
    {},
    Object.create(null),
    { code: null, name: 5, statusCode: "404" },
    { code: {}, details: null, statusCode: Number.NaN },
    circular,
    hostile,
    getters,
    Object.freeze(new Error("frozen")),
    new AggregateError([], "none"),
    new AggregateError([null, undefined, new Error("x")], "some"),
    Object.assign(new Error("own"), { code: "__proto__" }),
    Object.assign(new Error("own"), { code: "constructor", name: "toString" }),
    AbortSignal.abort().reason,
  ];
}

export const lifeCases: readonly ConformanceCase[] = [
  {
    name: "open: an instance does no harm before it is used, and has a name",
    async run(stage) {
      const adapter = await stage.open();
      assert.match(adapter.name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
      await stage.run(adapter.close(), "closing");
    },
  },
  {
    name: "close: twice, at once and in any order is one close",
    async run(stage) {
      const { adapter, sender, receiver } = await stage.line();
      await stage.run(Promise.all([receiver.close(), receiver.close(), sender.close()]), "closing");
      await stage.run(Promise.all([adapter.close(), adapter.close()]), "closing");
      await stage.run(Promise.all([sender.close(), receiver.close(), adapter.close()]), "closing again");
    },
  },
  {
    name: "close: ends a receive under way",
    async run(stage) {
      const { receiver } = await stage.line();
      const idle = receiver.receive(stage.want({}, receiver), stage.signal).catch(() => []);
      await stage.time.pass(1);
      await stage.run(receiver.close(), "closing");
      assert.deepEqual(idsOf(await stage.run(idle, "a receive that was under way")), []);
    },
  },
  {
    name: "close: what is used afterwards fails as closed",
    async run(stage) {
      const { adapter, topic, sender, receiver } = await stage.line();
      await stage.publish(sender, ids(1));
      const delivery = await stage.takeOne(receiver);
      const message = stage.message(sender, "late");
      await stage.run(sender.close(), "closing");
      await stage.run(receiver.close(), "closing");
      const { signal } = stage;
      assert.equal(await kindOf(stage, adapter, () => sender.send([message], signal)), "closed", "send");
      assert.equal(await kindOf(stage, adapter, () => receiver.receive(stage.want(), signal)), "closed", "receive");
      const late = await kindOf(stage, adapter, () => receiver.settle([{ delivery, kind: "ack" }], signal));
      assert.ok(late === "closed" || late === "lost", `settle: ${late}`);
      await stage.run(adapter.close(), "closing");
      assert.equal(await kindOf(stage, adapter, () => adapter.openSender(topic)), "closed", "openSender");
      const source = { topic, subscription: "a", startFrom: "earliest" } as const;
      assert.equal(await kindOf(stage, adapter, () => adapter.openReceiver(source)), "closed", "openReceiver");
    },
  },
  {
    name: "close: closing an instance closes what it opened",
    async run(stage) {
      const { adapter, sender, receiver } = await stage.line();
      await stage.run(adapter.close(), "closing");
      const message = stage.message(sender, "late");
      assert.equal(await kindOf(stage, adapter, () => sender.send([message], stage.signal)), "closed", "send");
      assert.equal(
        await kindOf(stage, adapter, () => receiver.receive(stage.want(), stage.signal)),
        "closed",
        "receive",
      );
    },
  },
  {
    name: "close: what was not settled comes again",
    async run(stage) {
      const { adapter, topic, sender, receiver } = await stage.line();
      await stage.publish(sender, ids(4), "k");
      const taken = await stage.take(receiver, 4);
      await stage.ack(receiver, taken[0]!);
      await stage.run(receiver.close(), "closing");
      await stage.run(adapter.close(), "closing");
      const again = await stage.receiver(await stage.open(), topic);
      const left = idsOf(taken).slice(1);
      assert.deepEqual((await stage.drainIds(again, left)).sort(), [...left].sort());
    },
  },
  {
    name: "crash: what was not settled comes again, what was does not",
    async run(stage) {
      const { topic, sender, receiver } = await stage.line();
      await stage.run(receiver.close(), "closing");
      const { adapter, crash } = await stage.openMortal(receiver);
      const doomed = await stage.receiver(adapter, topic);
      await stage.publish(sender, ids(6), "k");
      const taken = await stage.take(doomed, 6);
      const each = doomed.capabilities.settle === "each";
      await stage.ack(doomed, ...(each ? taken.slice(0, 2) : [taken[1]!]));
      await crash();
      const again = await stage.receiver(await stage.open(), topic);
      const left = idsOf(taken).slice(2);
      const came = await stage.drainIds(again, left);
      assert.deepEqual([...new Set(came)].sort(), [...left].sort());
    },
  },
  {
    name: "crash: messages that arrive while nobody reads are kept",
    async run(stage) {
      const { topic, sender, receiver } = await stage.line();
      const { adapter, crash } = await stage.openMortal(receiver);
      await stage.run(receiver.close(), "closing");
      const doomed = await stage.receiver(adapter, topic);
      await stage.publish(sender, ["e-0"], "k");
      await stage.drainIds(doomed, ["e-0"]);
      await crash();
      await stage.publish(sender, ["e-1", "e-2"], "k");
      const again = await stage.receiver(await stage.open(), topic);
      assert.deepEqual((await stage.drainIds(again, ["e-1", "e-2"])).sort(), ["e-1", "e-2"]);
    },
  },
  {
    name: "classify: answers a kind for anything at all",
    async run(stage) {
      const adapter = await stage.open();
      for (const odd of oddities()) {
        const kind = adapter.classify(odd);
        assert.ok(KINDS.includes(kind), `${String(kind)} is no kind`);
        assert.equal(adapter.classify(odd), kind, "the same each time");
      }
    },
  },
  {
    name: "classify: says of errors captured from the SDK what they mean",
    async run(stage) {
      const { captured = [] } = stage.harness;
      stage.only(captured.length > 0, "the harness has no captured errors (Harness.captured)");
      const adapter = await stage.open();
      for (const { what, error, kind } of captured) assert.equal(adapter.classify(error), kind, what);
    },
  },
  {
    name: "health: a broker that answers is healthy",
    async run(stage) {
      const adapter = await stage.open();
      assert.deepEqual(await stage.run(adapter.health(stage.signal), "a health check"), { ok: true });
    },
  },
  {
    name: "health: it ends with its signal and never throws",
    async run(stage) {
      const adapter = await stage.open();
      const beforeMs = performance.now();
      const health = await stage.run(adapter.health(AbortSignal.abort()), "a health check");
      assert.equal(typeof health.ok, "boolean");
      assert.ok(performance.now() - beforeMs < 2_000);
      await stage.run(adapter.close(), "closing");
      const closed = await stage.run(adapter.health(stage.signal), "a health check");
      assert.equal(closed.ok, false, "a closed instance is not healthy");
    },
  },
  {
    name: "backlog: counts what waits, and nothing once it is done",
    async run(stage) {
      const { adapter, topic, sender, receiver } = await stage.line();
      const { backlog } = adapter;
      if (backlog === undefined) return stage.saw("backlog", "none");
      const count = async () => {
        const found = await stage.run(adapter.backlog!({ topic, subscription: "a" }), "counting");
        assert.ok(found.events >= 0, "never negative");
        assert.ok(found.oldestMs === undefined || found.oldestMs >= 0, "no negative age");
        return found.events;
      };
      const counted = async (wanted: (events: number) => boolean, what: string) => {
        for (let round = 0; !wanted(await count()); round++) {
          assert.ok(round < 100, what);
          await stage.time.pass(stage.time.quietMs / 10);
        }
      };
      await stage.publish(sender, ids(5), "k");
      await counted((events) => events >= 1, "it sees that events wait");
      await stage.drainIds(receiver, ids(5));
      await counted((events) => events === 0, "it sees that none is left");
      stage.saw("backlog", "counted");
    },
  },
];
