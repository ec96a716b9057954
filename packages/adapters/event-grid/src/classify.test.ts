import { describe, expect, it } from "vitest";
import { classify, failedCall } from "./classify.ts";

describe("classify", () => {
  it.each([
    [{ statusCode: 400 }, "invalid"],
    [{ statusCode: 401 }, "unauthorized"],
    [{ statusCode: 403 }, "unauthorized"],
    [
      { statusCode: 403, message: "Publishing to x by client y is rejected due to IpAddress filtering rules." },
      "unauthorized",
    ],
    [{ statusCode: 403, code: "Forbidden", message: "The publish quota has been exceeded." }, "throttled"],
    [{ statusCode: 403, code: "QuotaExceeded" }, "throttled"],
    [{ statusCode: 403, message: "The maximum size (1048576) of the request has been exceeded." }, "too-large"],
    [{ statusCode: 401, message: "The key is beyond its quota." }, "unauthorized"],
    [{ statusCode: 404 }, "not-found"],
    [{ statusCode: 410 }, "not-found"],
    [{ statusCode: 408 }, "transient"],
    [{ statusCode: 413 }, "too-large"],
    [{ statusCode: 429 }, "throttled"],
    [{ statusCode: 500 }, "transient"],
    [{ statusCode: 503, code: "ServerBusy" }, "transient"],
    [{ code: "TokenLost" }, "lost"],
    [{ code: "BadToken" }, "lost"],
    [{ code: "ECONNREFUSED" }, "transient"],
    [{ code: "REQUEST_SEND_ERROR", cause: { code: "ENOTFOUND" } }, "transient"],
    [{ name: "AbortError" }, "transient"],
    [{ name: "CredentialUnavailableError", statusCode: 400 }, "unauthorized"],
    [{ cause: { errors: [{}, { code: "ETIMEDOUT" }] } }, "transient"],
    [{}, "unknown"],
  ])("%j is %s", (error, kind) => expect(classify(error)).toBe(kind));
});

describe("failedCall", () => {
  it("says what was done, where and what came of it, and hides what looks like a secret", () => {
    const cause = Object.assign(
      new Error("No: SharedAccessKey=abcdef0123456789abcdef0123456789; sig=secretsignature."),
      {
        statusCode: 401,
        code: "Unauthorized",
        request: { headers: { authorization: "SharedAccessKey abc" } },
      },
    );
    const error = failedCall("Publishing to", "orders", cause) as Error;
    expect(error.message).toMatch(/^WB_EVENT_GRID_CALL: Publishing to orders failed: HTTP 401, Unauthorized/);
    expect(error.message).not.toContain("abcdef0123456789");
    expect(error.message).not.toContain("secretsignature");
    expect(error.cause).not.toHaveProperty("request");
    expect(classify(error)).toBe("unauthorized");
  });

  it("leaves aborts and our own closing as they are", () => {
    const aborted = new DOMException("", "AbortError");
    expect(failedCall("Publishing to", "orders", aborted)).toBe(aborted);
  });
});
