import { AuthenticationError, NetworkError } from "@platformatic/kafka";
import kafkajs from "kafkajs";
import { expect, it } from "vitest";
import { classify, failedCall } from "./classify.ts";

const { KafkaJSError } = kafkajs;
const refused = (text: string) =>
  Object.assign(new KafkaJSError(text), { name: "KafkaJSSASLAuthenticationError", retriable: false });

it.each([
  "SASL PLAIN authentication failed: Closed connection",
  "SASL SCRAM SHA256 authentication failed: Connection error: read ECONNRESET",
  "SASL SCRAM SHA512 authentication failed: Request SaslAuthenticate(key: 36, version: 1) timed out",
])("kafkajs: a connection that is lost while it signs in is no refusal: %s", (text) => {
  expect(classify(refused(text))).toBe("transient");
});

it("kafkajs: a refusal is one", () => {
  expect(classify(refused("SASL PLAIN authentication failed: Authentication failed: Invalid username"))).toBe(
    "unauthorized",
  );
});

it("platformatic: of wrappers, the innermost says what it is", () => {
  const at = (cause: Error) =>
    new NetworkError("Connection to b:9093 failed.", { cause: new AuthenticationError("SASL", { cause }) });
  expect(classify(at(new NetworkError("Connection closed")))).toBe("transient");
  expect(classify(at(new Error("A server nonce that does not fit.")))).toBe("unauthorized");
});

it("says what the innermost error says, and nothing of OpenSSL's sources", () => {
  const alert = Object.assign(
    new Error(
      "40:error:0A000412:SSL routines:ssl3_read_bytes:ssl/tls alert bad certificate:../rec.c:918:SSL alert 42\n",
    ),
    { code: "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE" },
  );
  expect(failedCall("Looking for topic", "t", new NetworkError("Connection error", { cause: alert }))).toMatchObject({
    sentence: "Looking for topic t failed: ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE: ssl/tls alert bad certificate.",
    hint: expect.stringContaining("a certificate of this client"),
  });
});
