import { expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import type { Adapter, Sender } from "../spi/adapter.ts";
import { done, type Outcome } from "../spi/outcome.ts";
import type { OutboundMessage } from "../spi/wire-message.ts";
import { Answers } from "./answers.ts";
import { MessageWriter } from "./message-writer.ts";

const message = (id: string, key?: string): OutboundMessage =>
  ({ id, key, body: Buffer.from("{}"), headers: {}, contentType: "application/json" }) as OutboundMessage;

/** A sender that takes three messages a call, and what `answer` says. */
async function writerOf(answer: (id: string) => Outcome, sent: string[][]): Promise<MessageWriter> {
  const sender = {
    capabilities: { maxSendBatch: 3, maxSendBatchBytes: 1e6, maxMessageBytes: 1e6, overlap: false, stopsKeys: true },
    async send(messages: readonly OutboundMessage[]) {
      sent.push(messages.map(({ id }) => id));
      let stopped = false;
      return messages.map(({ id }) => {
        const outcome = stopped ? { ok: false as const, error: new Error("behind") } : answer(id);
        stopped ||= !outcome.ok;
        return outcome;
      });
    },
    close: async () => undefined,
  } as unknown as Sender;
  const adapter = {
    openSender: async () => sender,
    classify: (error: unknown) => ((error as Error).message === "behind" ? "transient" : "invalid"),
  } as unknown as Adapter;
  return MessageWriter.open(adapter, "orders", systemClock, {});
}

const refuse =
  (refused: string) =>
  (id: string): Outcome =>
    id === refused ? { ok: false, error: new Error("no") } : done;
const codes = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => (outcome.ok ? "ok" : ((outcome.error as { code?: string }).code ?? "refused")));

test("with stopKeys nothing is sent of a key behind a refused message, and other keys go on", async () => {
  const sent: string[][] = [];
  const writer = await writerOf(refuse("a2"), sent);
  const messages = ["a1", "a2", "a3", "b1", "a4"].map((id) => message(id, id[0]));
  const answers = new Answers(5, true);
  writer.add(messages, answers, [0, 1, 2, 3, 4]);
  expect(codes(await answers.all)).toEqual(["ok", "refused", "WB_PUBLISH_BEHIND", "ok", "WB_PUBLISH_BEHIND"]);
  expect(sent).toEqual([["a1", "a2", "a3"], ["b1"]]);
});

test("without it each is tried", async () => {
  const sent: string[][] = [];
  const writer = await writerOf(refuse("a2"), sent);
  const answers = new Answers(3);
  writer.add(
    ["a1", "a2", "a3"].map((id) => message(id, "a")),
    answers,
    [0, 1, 2],
  );
  expect(codes(await answers.all)).toEqual(["ok", "refused", "ok"]);
});

test("a message that is too large stops its key, in one call and not in the next", async () => {
  const sent: string[][] = [];
  const writer = await writerOf(() => done, sent);
  const large = { ...message("a1", "a"), body: Buffer.alloc(1_000_001) };
  const answers = new Answers(2, true);
  writer.add([large, message("a2", "a")], answers, [0, 1]);
  expect(codes(await answers.all)).toEqual(["WB_EVENT_TOO_LARGE", "WB_PUBLISH_BEHIND"]);
  const next = new Answers(1, true);
  writer.add([message("a2", "a")], next, [0]);
  expect(codes(await next.all)).toEqual(["ok"]);
});

test("who publishes again when the answer comes shares the next call with those who wait", async () => {
  const sent: string[][] = [];
  const writes: Promise<Outcome>[] = [];
  const writer = await writerOf((id) => {
    // While it is being sent.
    if (id === "a1") writes.push(writer.write(message("b1")));
    return done;
  }, sent);
  await writer.write(message("a1"));
  await Promise.all([writer.write(message("a2")), ...writes]);
  expect(sent).toEqual([["a1"], ["b1", "a2"]]);
});
