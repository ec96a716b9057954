import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { cliErrors } from "../../cli-errors.ts";

/** What a path answers. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface Door {
  /** The port that it got, where 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

/** Answers GET and HEAD on a few paths. Rejects with WB_RELAY_PORT when the port cannot be had. */
export async function openDoor(
  at: { readonly host: string; readonly port: number },
  paths: Readonly<Record<string, () => Answer | Promise<Answer>>>,
): Promise<Door> {
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 });
  server.maxConnections = 64;
  server.on("request", async (request, response) => {
    const path = (request.url ?? "/").split("?", 1)[0] as string;
    const isRead = request.method === "GET" || request.method === "HEAD";
    const answer = isRead && Object.hasOwn(paths, path) ? paths[path] : undefined;
    const { status, contentType, body } =
      answer === undefined
        ? { status: isRead ? 404 : 405, contentType: "text/plain", body: `${Object.keys(paths).join(" ")}\n` }
        : await Promise.resolve()
            .then(answer)
            .catch(() => ({ status: 500, contentType: "text/plain", body: "it cannot say just now\n" }));
    response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" });
    response.end(request.method === "HEAD" ? undefined : body);
  });
  server.listen(at.port, at.host);
  try {
    await once(server, "listening");
  } catch (error) {
    const { code = "no access" } = error as NodeJS.ErrnoException;
    throw cliErrors.WB_RELAY_PORT({ ...at, problem: code }, error);
  }
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
