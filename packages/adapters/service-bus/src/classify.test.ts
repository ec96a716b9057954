import { MessagingError, ServiceBusError } from "@azure/service-bus";
import { expect, it } from "vitest";
import { classify, failedCall } from "./classify.ts";

/** As the SDK makes them; `test/integration/conformance-service-bus.test.ts` captures real ones. */
const socket = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), {
  code: "ECONNREFUSED",
  syscall: "connect",
  errno: -111,
});

it.each([
  [new ServiceBusError("x", "MessageLockLost"), "lost"],
  [new ServiceBusError("x", "ServiceBusy"), "throttled"],
  [new ServiceBusError("x", "UnauthorizedAccess"), "unauthorized"],
  [new ServiceBusError("x", "GeneralError"), "unknown"],
  // What it has no code for, it hides in the text.
  [new ServiceBusError(Object.assign(new MessagingError("not here"), { code: "InvalidOperationError" })), "invalid"],
  [new ServiceBusError(new MessagingError("connect ECONNREFUSED", socket)), "transient"],
  [socket, "transient"],
  // After several attempts the SDK throws a bare list.
  [new AggregateError([new ServiceBusError("x", "MessagingEntityNotFound")]), "not-found"],
  [new AggregateError([new AggregateError([socket])]), "transient"],
  [Object.assign(new Error("x"), { statusCode: 403 }), "unauthorized"],
  [Object.assign(new Error("x"), { code: "MessageEntityNotFoundError", statusCode: 404 }), "not-found"],
  [new DOMException("late", "TimeoutError"), "transient"],
  [new Error("x"), "unknown"],
])("%s is %s", (error, kind) => {
  expect(classify(error)).toBe(kind);
});

it("says what was done, where, what was answered and what helps, and repeats no secret", () => {
  const error = failedCall(
    "Sending to",
    "orders",
    new ServiceBusError("Bad SharedAccessKey=c2VjcmV0 here", "UnauthorizedAccess"),
  );
  const { message, hint } = error as Error & { hint: string };
  expect(message).toMatch(/Sending to orders failed: UnauthorizedAccess/);
  expect(hint).toMatch(/unauthorized.*Data Sender/);
  expect(message).not.toContain("c2VjcmV0");
});
