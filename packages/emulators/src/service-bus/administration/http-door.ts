import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { AmqpError } from "../../amqp/amqp-error.ts";
import type { Access } from "../../shared-access/access.ts";
import type { Administration } from "./administration.ts";
import { authorize } from "./authorize.ts";
import { fromBroker, HttpProblem } from "./http-problem.ts";
import { escapeXml, tag } from "./xml.ts";

const MAX_BODY_BYTES = 256 * 1024;

/** The administration API over HTTP, on sockets that somebody else accepted. `commit` makes a change last before it is answered. */
export function openHttpDoor(administration: Administration, access: Access, commit: () => void): Server {
  return createServer({ requestTimeout: 20_000, headersTimeout: 10_000 }, (request, response) => {
    void answer(administration, access, commit, request, response);
  });
}

async function answer(
  administration: Administration,
  access: Access,
  commit: () => void,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let status: number;
  let body: string;
  let contentType = "application/atom+xml;type=entry;charset=utf-8";
  try {
    const isEncrypted = "encrypted" in request.socket;
    const origin = `${isEncrypted ? "https" : "http"}://${hostOf(request)}`;
    // The path as it was sent: URL would resolve its dots away before they are seen.
    const [pathname = "/", query = ""] = (request.url ?? "/").split("?", 2);
    const { method = "GET" } = request;
    authorize(access, request.headers.authorization, method, pathname);
    const result = administration.handle({
      method,
      pathname,
      query: new URLSearchParams(query),
      origin,
      ifMatch: request.headers["if-match"],
      body: await readBody(request),
    });
    commit();
    status = result.status;
    body = result.body;
    if (result.contentType !== undefined) contentType = result.contentType;
  } catch (error) {
    const problem = asProblem(error);
    status = problem.status;
    body = tag("Error", tag("Code", String(status)) + tag("Detail", escapeXml(problem.message)));
    contentType = "application/xml; charset=utf-8";
  }
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

const hostOf = (request: IncomingMessage) => {
  const host = request.headers.host ?? "localhost";
  return /^[\w.:[\]-]+$/.test(host) ? host : "localhost";
};

function asProblem(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof AmqpError) return fromBroker(error);
  return new HttpProblem(
    error instanceof TypeError || error instanceof URIError ? 400 : 500,
    "SubCode=40000. The request was not understood.",
  );
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new HttpProblem(413, "SubCode=41300. The body is too large.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
