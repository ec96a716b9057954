import assert from "node:assert/strict";
import type { Headers, OutboundMessage } from "@waybill/core/spi";
import type { ConformanceCase } from "../../case.ts";
import { codec } from "../../events.ts";
import { assertKind } from "../../outcomes.ts";
import type { Line, Stage } from "../../stage.ts";

/** Sends one message as it is; answers what arrived, or undefined where it was refused as invalid. */
async function through(stage: Stage, { adapter, sender, receiver }: Line, message: OutboundMessage) {
  const [outcome] = await stage
    .run(sender.send([message], stage.signal), "a send")
    .catch((error: unknown) => [{ ok: false, error } as const]);
  if (outcome?.ok !== true) {
    assertKind(adapter, outcome, ["invalid", "too-large"], "a message that is refused");
    return undefined;
  }
  const delivery = await stage.takeOne(receiver);
  await stage.ack(receiver, delivery);
  return delivery.message;
}

const headersOf = (entries: [string, string | Uint8Array][]): Headers => Object.fromEntries(entries);
const bytesOf = (value: string | Uint8Array | undefined) =>
  typeof value === "string" ? value : value === undefined ? undefined : [...value];

export const byteCases: readonly ConformanceCase[] = [
  {
    name: "body: bytes of any value arrive as they are",
    async run(stage) {
      const line = await stage.line();
      const body = Uint8Array.from({ length: 1_024 }, (_, index) => (index * 7 + (index >> 8)) & 255);
      const arrived = await through(stage, line, { ...stage.message(line.sender, "e-0"), body });
      if (arrived !== undefined) assert.deepEqual([...arrived.body!], [...body]);
      stage.saw("body", arrived === undefined ? "text only" : "any bytes");
    },
  },
  {
    name: "body: text that a broker's own format might mistake arrives as it is",
    async run(stage) {
      const line = await stage.line();
      for (const text of [
        "<a>&amp;]]></a>",
        " \r\n\t ",
        "SGVsbG8=",
        "null",
        '"',
        "\ufeff{}",
        "\u{1f4e6} ünï",
        "a\u0000b",
      ]) {
        const body = Buffer.from(text);
        const arrived = await through(stage, line, { ...stage.message(line.sender, "e-0"), body });
        if (arrived !== undefined) assert.equal(Buffer.from(arrived.body!).toString(), text);
      }
    },
  },
  {
    name: "body: no bytes, and no body, are kept or refused, never made up",
    async run(stage) {
      const line = await stage.line();
      const shape = stage.message(line.sender, "e-0");
      const empty = await through(stage, line, { ...shape, body: new Uint8Array() });
      if (empty !== undefined) assert.equal(empty.body?.length ?? 0, 0, "no bytes stay none");
      const none = await through(stage, line, { ...shape, body: null });
      if (none !== undefined) assert.equal(none.body?.length ?? 0, 0, "no body stays none");
    },
  },
  {
    name: "body: a view into a larger buffer sends its own bytes only",
    async run(stage) {
      const line = await stage.line();
      const larger = Buffer.from("secret before{}secret after");
      const arrived = await through(stage, line, {
        ...stage.message(line.sender, "e-0"),
        body: larger.subarray(13, 15),
      });
      assert.equal(Buffer.from(arrived!.body!).toString(), "{}");
    },
  },
  {
    name: "event: id, key, type and data arrive, whatever the broker carries them in",
    async run(stage) {
      const line = await stage.line();
      const data = { text: "ünï \u{1f4e6} \r\n \u2028", list: [1, null, true], "": "empty" };
      const sent = stage.message(line.sender, "id with spaces / and ünï", { key: "Schlüssel/1", data });
      const arrived = await through(stage, line, sent);
      assert.deepEqual(codec.decode(arrived!).event, codec.decode(sent).event);
    },
  },
  {
    name: "headers/true: id, key and content type arrive beside the body",
    async run(stage) {
      const line = await stage.line();
      stage.only(line.sender.capabilities.headers, "has no headers");
      const sent = stage.message(line.sender, "e-0", { key: "k-1" });
      const arrived = await through(stage, line, sent);
      assert.equal(arrived?.id, "e-0");
      assert.equal(arrived?.key, "k-1");
      assert.equal(arrived?.contentType, sent.contentType);
    },
  },
  {
    name: "headers/true: names and values of any kind arrive as they are",
    async run(stage) {
      const line = await stage.line();
      stage.only(line.sender.capabilities.headers, "has no headers");
      const sent = stage.message(line.sender, "e-0");
      const extra: [string, string | Uint8Array][] = [
        ["__proto__", "not a prototype"],
        ["constructor", "not a function"],
        ["plain", "text"],
        ["empty", ""],
        ["accented", "ünï \u{1f4e6}"],
        ["long", "h".repeat(4_096)],
        ["bytes", new Uint8Array([0, 200, 255])],
      ];
      const headers = headersOf([...Object.entries(sent.headers), ...extra]);
      const arrived = await through(stage, line, { ...sent, headers });
      assert.ok(arrived !== undefined, "they are taken");
      for (const [name, value] of extra) {
        assert.ok(Object.hasOwn(arrived.headers, name), `${name} is there`);
        assert.deepEqual(bytesOf(arrived.headers[name]), bytesOf(value), name);
      }
      assert.equal(({} as { plain?: unknown }).plain, undefined, "no prototype was touched");
      assert.deepEqual(codec.decode(arrived).event, codec.decode(sent).event, "the event is the same");
      stage.saw("headers", "yes");
    },
  },
  {
    name: "headers/false: a message with headers is refused, not stripped of them",
    async run(stage) {
      const line = await stage.line();
      stage.only(!line.sender.capabilities.headers, "has headers");
      const sent = stage.message(line.sender, "e-0");
      const arrived = await through(stage, line, { ...sent, headers: { extra: "text" } });
      if (arrived !== undefined) assert.equal(arrived.headers.extra, "text", "what is taken arrives whole");
      stage.saw("headers", "no");
    },
  },
  {
    name: "headers/false: events travel as one document",
    async run(stage) {
      const line = await stage.line();
      stage.only(!line.sender.capabilities.headers, "has headers");
      const arrived = await through(stage, line, stage.message(line.sender, "e-0", { key: "k-1", data: { n: 1 } }));
      assert.equal(JSON.parse(Buffer.from(arrived!.body!).toString()).partitionkey, "k-1");
    },
  },
  {
    name: "time: where the broker says when it took a message, it is about now",
    async run(stage) {
      const line = await stage.line();
      const beforeMs = stage.time.clock.now();
      const arrived = await through(stage, line, stage.message(line.sender, "e-0"));
      if (arrived?.timeMs === undefined) return;
      assert.ok(Math.abs(arrived.timeMs - beforeMs) < 300_000, new Date(arrived.timeMs).toISOString());
    },
  },
];
