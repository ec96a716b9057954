import { once } from "node:events";
import { createServer } from "node:http";
import type { EventGridAdapter } from "@waybill/event-grid";
import { SUBSCRIPTIONS, steps } from "./workload.ts";

/** Takes what is pushed to this process, at `/SUBSCRIPTION`. */
export async function serveDoor(adapter: EventGridAdapter, port: number): Promise<void> {
  const webhooks = new Map(SUBSCRIPTIONS.map((name) => [`/${name}`, adapter.webhook(steps.name, name)]));
  const server = createServer((request, response) => {
    const webhook = webhooks.get((request.url ?? "").split("?")[0]!);
    if (webhook === undefined) response.writeHead(404).end();
    else void webhook(request, response);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
}
