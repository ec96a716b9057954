import { createCodec } from "@waybill/core/spi";
import { expect, it } from "vitest";
import { attemptText } from "./attempt-text.ts";
import { ATTEMPT_BYTES, measure, toBody } from "./mapping.ts";

const codec = createCodec();
const event = (data: unknown) =>
  codec.encode({ specversion: "1.0", id: "e-1", source: "/shop", type: "t", data } as never, { headers: false });

it.each(["base64", "text"] as const)(
  "writes the attempt, leaves the other bookkeeping and every byte of the event (%s)",
  (encoding) => {
    const original = event({ text: "é <&> \u0001" });
    const redriven = codec.withBookkeeping(original, { redrives: 2, attempt: 3 });
    const text = attemptText(redriven, 4, encoding) as string;
    const received = { id: "m", body: toBody(text, encoding), headers: {} };
    expect(codec.decode(received).bookkeeping).toEqual({ redrives: 2, attempt: 4 });
    expect(Buffer.from(codec.withBookkeeping(received, {}).body ?? []).equals(original.body as Uint8Array)).toBe(true);
  },
);

it("leaves what is no event as it is", () => {
  expect(attemptText({ id: "m", body: Buffer.from("[1]"), headers: {} }, 2, "base64")).toBeUndefined();
  expect(attemptText({ id: "m", body: Buffer.from(""), headers: {} }, 2, "base64")).toBeUndefined();
});

it("always finds room in the largest message that our sender takes, and none in a larger one of somebody else", () => {
  for (const encoding of ["base64", "text"] as const) {
    let size = 40_000;
    while (measure(event("x".repeat(size + 3)), encoding, ATTEMPT_BYTES) <= 65_536) size += 3;
    expect(attemptText(event("x".repeat(size)), 1_000, encoding)).toBeDefined();
    expect(attemptText(event("x".repeat(size + 64)), 1_000, encoding)).toBeUndefined();
  }
});
