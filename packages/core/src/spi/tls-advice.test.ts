import { once } from "node:events";
import { createServer } from "node:net";
import { connect } from "node:tls";
import { expect, it } from "vitest";
import { tlsAdvice } from "./tls-advice.ts";

const failure = (code: unknown, cause?: unknown) => Object.assign(new Error("x", { cause }), { code });

it("knows what Node says of a server without TLS", async () => {
  const server = createServer((socket) => socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const [error] = await once(connect({ port, host: "127.0.0.1" }), "error").catch((thrown) => [thrown]);
  server.close();
  expect(tlsAdvice(new Error("sending failed", { cause: error }))).toContain("speaks no TLS");
});

it.each([
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "NODE_EXTRA_CA_CERTS"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "NODE_EXTRA_CA_CERTS"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "NODE_EXTRA_CA_CERTS"],
  ["CERT_HAS_EXPIRED", "past its time"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "other names"],
  ["ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", "a certificate of this client"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN", "a certificate of this client"],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "a certificate of this client"],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "a certificate of this client"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "speaks no TLS"],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "speaks no TLS"],
])("knows the trouble %s", (code, advice) => expect(tlsAdvice(failure(code))).toContain(advice));

it("names the place where an adapter takes an authority", () => {
  expect(tlsAdvice(failure("SELF_SIGNED_CERT_IN_CHAIN"), "ssl.ca")).toContain("in ssl.ca or NODE_EXTRA_CA_CERTS");
});

it("says nothing of other errors", () => {
  for (const error of [undefined, "EPROTO", failure("ECONNRESET"), failure(5), failure(undefined, failure("EPIPE"))])
    expect(tlsAdvice(error)).toBeUndefined();
});
