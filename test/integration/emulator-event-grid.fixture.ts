import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type EventGridEmulator, type EventGridEmulatorOptions, startEventGridEmulator } from "@waybill/emulators";
import { onTestFinished } from "vitest";

export * from "@waybill/emulators";

/** An emulator that is closed when the test ends. */
export async function open(options: EventGridEmulatorOptions = {}): Promise<EventGridEmulator> {
  const emulator = await startEventGridEmulator(options);
  onTestFinished(() => emulator.close());
  return emulator;
}

export interface Received {
  readonly method: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export type Respond = (request: Received, response: ServerResponse) => void;

/** Agrees to everything and takes every event. */
export const agree: Respond = ({ method, headers, body }, response) => {
  if (method === "OPTIONS") {
    response.setHeader("webhook-allowed-origin", "eventgrid.azure.net");
    response.setHeader("webhook-allowed-rate", "120");
    response.end();
  } else if (headers["aeg-event-type"] === "SubscriptionValidation") {
    const [{ data }] = JSON.parse(body) as [{ data: { validationCode: string } }];
    response.end(JSON.stringify({ validationResponse: data.validationCode }));
  } else response.writeHead(204).end();
};

/** A webhook that records what comes. `next(n)` resolves with the n-th notification, from 0. */
export async function webhook(respond: Respond = agree) {
  const requests: Received[] = [];
  const watchers = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const received = {
        method: request.method ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      };
      requests.push(received);
      for (const watch of watchers) watch();
      respond(received, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const notifications = () => requests.filter(({ headers }) => headers["aeg-event-type"] === "Notification");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?code=secret`,
    requests,
    notifications,
    next: async (index: number): Promise<Received> => {
      await until(() => notifications().length > index, watchers);
      return notifications()[index]!;
    },
  };
}

/** Resolves when it holds; looks each time that something was received. */
function until(holds: () => boolean, watchers: Set<() => void>): Promise<void> {
  if (holds()) return Promise.resolve();
  return new Promise((resolve) => {
    const watch = () => {
      if (!holds()) return;
      watchers.delete(watch);
      resolve();
    };
    watchers.add(watch);
  });
}

/** Resolves when the condition holds; rejects after twenty seconds. */
export async function eventually(holds: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error("It did not happen within 20 s.");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export const cloudEvent = (id: string, more: object = {}) => ({
  specversion: "1.0",
  id,
  source: "/shop",
  type: "order.placed",
  data: { id },
  ...more,
});

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
  readonly body: any;
}

/** One call of a namespace's REST interface, with its key. */
export async function rest(
  emulator: EventGridEmulator,
  path: string,
  body?: unknown,
  headers: object = {},
): Promise<Answer> {
  const separator = path.includes("?") ? "&" : "?";
  const response = await fetch(`${emulator.endpoint}${path}${separator}api-version=2024-06-01`, {
    method: "POST",
    headers: {
      authorization: `SharedAccessKey ${emulator.key}`,
      "content-type": "application/json",
      ...headers,
    },
    body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}
