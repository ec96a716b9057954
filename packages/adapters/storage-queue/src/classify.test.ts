import { RestError } from "@azure/storage-queue";
import { expect, it } from "vitest";
import { classify, failedCall } from "./classify.ts";
import { storageQueueErrors } from "./errors.ts";

// The shapes are those of SDK 12.32; what Azurite provokes is checked against the SDK itself in the integration test.
const rest = (statusCode: number | undefined, code?: string) =>
  new RestError(`Unexpected status code: ${statusCode}`, {
    ...(statusCode === undefined ? {} : { statusCode }),
    ...(code === undefined ? {} : { code }),
  });
const system = (code: string) => Object.assign(new Error(`connect ${code}`), { code, errno: -1, syscall: "connect" });

it.each([
  ["lost", rest(404, "MessageNotFound")],
  ["lost", rest(400, "PopReceiptMismatch")],
  ["not-found", rest(404, "QueueNotFound")],
  ["not-found", rest(404)],
  ["throttled", rest(429)],
  ["throttled", rest(503, "ServerBusy")],
  ["transient", rest(500, "OperationTimedOut")],
  ["transient", rest(409, "QueueBeingDeleted")],
  ["transient", rest(502)],
  ["transient", rest(408)],
  ["transient", rest(undefined, "ECONNREFUSED")],
  ["transient", rest(undefined, "PARSE_ERROR")],
  ["transient", new DOMException("aborted", "AbortError")],
  ["unauthorized", rest(403, "AuthenticationFailed")],
  ["unauthorized", rest(403, "AuthorizationPermissionMismatch")],
  ["unauthorized", rest(401)],
  ["unauthorized", Object.assign(new Error("no"), { name: "AuthenticationError", statusCode: 400 })],
  ["too-large", rest(413, "RequestBodyTooLarge")],
  ["invalid", rest(400, "OutOfRangeQueryParameterValue")],
  ["closed", storageQueueErrors.WB_STORAGE_QUEUE_CLOSED({ what: "sender" })],
  ["transient", new Error("outer", { cause: new Error("inner", { cause: system("ECONNRESET") }) })],
  ["transient", new AggregateError([new Error("?"), system("ETIMEDOUT")])],
  ["lost", failedCall("Deleting from", "q", rest(404, "MessageNotFound"))],
  ["unknown", new Error("?")],
  ["unknown", undefined],
  ["unknown", "text"],
  ["unknown", Object.assign(new Error("?"), { code: "constructor", name: "toString" })],
])("%s: %s", (kind, error) => {
  expect(classify(error)).toBe(kind);
});

it("ends on errors that are their own cause", () => {
  const error = new Error("round");
  error.cause = error;
  expect(classify(error)).toBe("unknown");
});

it("answers even for an object that throws when it is looked at", () => {
  const hostile = new Proxy({}, { get: () => expect.unreachable() });
  expect(classify(hostile)).toBe("unknown");
});

it("says what was done, where, what was answered and what to do", () => {
  const error = failedCall("Sending to", "orders-q", rest(403, "AuthenticationFailed")) as Error;
  expect(error.message).toContain("Sending to queue orders-q failed: AuthenticationFailed, HTTP 403.");
  expect(error.message).toContain("permissions");
  const leaky = failedCall("Sending to", "q", new Error("no answer from https://a.b/q?sv=1&sig=SECRET")) as Error;
  expect(leaky.message).toContain("no answer from");
  expect(leaky.message).not.toContain("SECRET");
  expect((failedCall("Sending to", "q", rest(undefined, "ECONNREFUSED")) as Error).message).toContain("ECONNREFUSED.");
});
