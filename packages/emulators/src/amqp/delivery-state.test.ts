import { expect, it } from "vitest";
import { AmqpError } from "./amqp-error.ts";
import { decodeOne } from "./decode.ts";
import { answerTo, readState } from "./delivery-state.ts";
import { encodeOne } from "./encode.ts";
import { Described, sym } from "./values.ts";

const over = (state: unknown) => readState(decodeOne(encodeOne(state)));

it.each([
  [new Described(0x24, []), "accepted", 0x24],
  [new Described(0x25, [new Described(0x1d, [sym("com.microsoft:dead-letter")])]), "rejected", 0x25],
  [new Described(0x26, []), "released", 0x26],
  [new Described(0x27, [false, true]), "modified", 0x27],
])("echoes the outcome that was asked for, and never an error of the receiver's", (asked, kind, code) => {
  const state = over(asked)!;
  expect(state.kind).toBe(kind);
  const answer = answerTo(state, undefined);
  expect(answer.descriptor).toBe(code);
  expect(over(answer)).not.toMatchObject({ condition: expect.any(String) });
});

it("says why a settlement was not done", () => {
  const answer = answerTo({ kind: "accepted" }, new AmqpError("com.microsoft:message-lock-lost", "Gone."));
  expect(over(answer)).toMatchObject({ kind: "rejected", condition: "com.microsoft:message-lock-lost" });
});
