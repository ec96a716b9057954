import { describe, expect, it } from "vitest";
import { classify, failedCall } from "./classify.ts";
import { eventHubsErrors } from "./errors.ts";

const error = (parts: object) => Object.assign(new Error("m"), parts);

describe("classify", () => {
  it.each([
    [error({ code: "ReceiverDisconnectedError" }), "lost"],
    [error({ code: "MessagingEntityNotFoundError" }), "not-found"],
    [error({ code: "UnauthorizedError", retryable: true }), "unauthorized"],
    [error({ code: "ServerBusyError" }), "throttled"],
    [error({ code: "MessageTooLargeError" }), "too-large"],
    [error({ code: "ArgumentError" }), "invalid"],
    [error({ code: "ECONNREFUSED" }), "transient"],
    [new AggregateError([error({ code: "ServerBusyError" }), error({ code: "ServerBusyError" })]), "throttled"],
    // The SDK's retry passes its errors where the message should be.
    [new AggregateError([error({ errors: [error({ code: "ENOTFOUND" })] })]), "transient"],
    [error({ name: "RestError", statusCode: 412, code: "ConditionNotMet" }), "transient"],
    [error({ name: "RestError", statusCode: 403 }), "unauthorized"],
    [error({ name: "CredentialUnavailableError", statusCode: 400 }), "unauthorized"],
    [new Error("outer", { cause: error({ code: "ContainerNotFound" }) }), "not-found"],
    [eventHubsErrors.WB_EVENT_HUBS_CLOSED({ what: "sender" }), "closed"],
    [new TypeError("x is not a function"), "unknown"],
  ])("%o", (given, kind) => expect(classify(given)).toBe(kind));

  it("reads our own words before those of the cause", () => {
    const wrapped = failedCall(
      "Sending to",
      "hub orders",
      error({ code: "ServerBusyError", message: "Wait 4 s.\nStack" }),
    );
    expect(wrapped).toMatchObject({ code: "WB_EVENT_HUBS_CALL" });
    expect(classify(wrapped)).toBe("throttled");
    expect(String(wrapped)).toContain("Sending to hub orders failed: ServerBusyError, Wait 4 s.");
  });
});

describe("failedCall", () => {
  it("masks what looks like a secret, and keeps an abort and our own errors as they are", () => {
    const told = failedCall("Asking", "hub x", new Error("Endpoint=sb://a;SharedAccessKey=c4nary; failed"));
    expect(String(told)).not.toContain("c4nary");
    const abort = new DOMException("no", "AbortError");
    expect(failedCall("Asking", "hub x", abort)).toBe(abort);
    const own = eventHubsErrors.WB_EVENT_HUBS_CLOSED({ what: "adapter" });
    expect(failedCall("Asking", "hub x", own)).toBe(own);
    expect(String(failedCall("Asking", "hub x", undefined))).toContain("undefined");
  });
});
