import { expect, it } from "vitest";
import { kindWithin } from "./kind-within.ts";

const kindOf = ({ code }: { code?: unknown }) =>
  code === "gone" ? "not-found" : code === "busy" ? "throttled" : undefined;
const failure = (code: string | undefined, cause?: unknown) => Object.assign(new Error("x", { cause }), { code });

it("takes the outermost error that says something, looking into causes and parts", () => {
  expect(kindWithin(failure("gone", failure("busy")), kindOf)).toBe("not-found");
  expect(kindWithin(failure(undefined, failure("busy")), kindOf)).toBe("throttled");
  expect(kindWithin(new AggregateError([failure("other"), failure("gone")]), kindOf)).toBe("not-found");
});

it("knows nothing of what is no error, goes round in circles or throws when it is looked at", () => {
  const circle = failure("other");
  circle.cause = circle;
  const hostile = {
    get code() {
      throw new Error("no");
    },
  };
  for (const error of [undefined, null, "gone", 5, circle, hostile]) expect(kindWithin(error, kindOf)).toBe("unknown");
});
