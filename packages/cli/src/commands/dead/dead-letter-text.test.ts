import { expect, it } from "vitest";
import { deadLetterLine } from "./dead-letter-text.ts";

const original = { id: "", body: null, headers: {} };
const reason = {
  reason: "undecodable",
  error: "no JSON:\n  \u001b]0;title\u0007",
  attempts: 2,
  topic: "orders",
  subscription: "billing",
  firstFailure: "2026-01-31T12:00:00.000Z",
  time: "2026-01-31T12:00:01.000Z",
};

it("is one line, whatever a foreign producer wrote for the terminal", () => {
  const line = deadLetterLine({ id: "a\r\n\u001b[2Jb\u009b", event: undefined, original, reason, redrives: 0 });
  expect(line).toBe(
    "2026-01-31T12:00:01.000Z  (no event)  a\uFFFD\uFFFD\uFFFD[2Jb\uFFFD  undecodable after 2  no JSON: \uFFFD]0;title\uFFFD",
  );
});

it("says how often it was redriven", () => {
  const line = deadLetterLine({ id: "a", event: undefined, original, reason, redrives: 2 });
  expect(line).toContain("undecodable after 2, redriven 2 x");
});
