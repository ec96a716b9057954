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
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_HAS_EXPIRED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
])("knows the certificate's trouble %s", (code) => expect(tlsAdvice(failure(code))).toContain("NODE_EXTRA_CA_CERTS"));

it("says nothing of other errors", () => {
  for (const error of [undefined, "EPROTO", failure("ECONNRESET"), failure(5), failure(undefined, failure("EPIPE"))])
    expect(tlsAdvice(error)).toBeUndefined();
});
