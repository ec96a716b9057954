import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Receiver } from "@waybill/core/spi";
import type { EventGridAdapter, WebhookHandler } from "@waybill/event-grid";

interface Backend {
  readonly adapter: EventGridAdapter;
  readonly place: string;
  readonly handler: WebhookHandler;
  readonly responses: Set<ServerResponse>;
}

/** What stands before the processes of a deployment: hands each request to one that has the subscription open, in turn. */
export interface LoadBalancer {
  urlOf(topic: string, subscription: string): string;
  /** Answers handshakes, and 503 while nobody has the subscription open. */
  readonly standby: { adapter: EventGridAdapter | undefined };
  /** The same adapter, told of here as it opens and closes receivers. */
  watch(adapter: EventGridAdapter): EventGridAdapter;
  /** Its process has died: the connections are cut, and nothing more is sent there. */
  crash(adapter: EventGridAdapter): void;
  /** Cuts what is under way for one subscription. */
  cut(adapter: EventGridAdapter, place: string): void;
  close(): void;
}

export async function startLoadBalancer(secret: string): Promise<LoadBalancer> {
  const backends: Backend[] = [];
  const originals = new Map<EventGridAdapter, EventGridAdapter>();
  const standby: LoadBalancer["standby"] = { adapter: undefined };
  const turns = new Map<string, number>();

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const place = decodeURIComponent((request.url ?? "").slice(1).split("?")[0]!);
    const [topic, subscription] = split(place);
    const able = backends.filter((backend) => backend.place === place);
    const turn = turns.get(place) ?? 0;
    if (able.length > 0) turns.set(place, turn + 1);
    const chosen = able[turn % Math.max(1, able.length)];
    const handler = chosen?.handler ?? standby.adapter!.webhook(topic, subscription);
    chosen?.responses.add(response);
    response.once("close", () => chosen?.responses.delete(response));
    void handler(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const remove = (backend: Backend) => {
    if (backends.includes(backend)) backends.splice(backends.indexOf(backend), 1);
  };
  const own = (adapter: EventGridAdapter) => originals.get(adapter) ?? adapter;

  return {
    urlOf: (topic, subscription) => `${origin}/${encodeURIComponent(`${topic}/${subscription}`)}?code=${secret}`,
    standby,
    watch(adapter) {
      const watched: EventGridAdapter = {
        ...adapter,
        async openReceiver(source): Promise<Receiver> {
          const receiver = await adapter.openReceiver(source);
          const { topic, subscription } = source;
          const backend: Backend = {
            adapter,
            place: `${topic}/${subscription}`,
            handler: adapter.webhook(topic, subscription),
            responses: new Set(),
          };
          backends.push(backend);
          return {
            ...receiver,
            close: async () => {
              remove(backend);
              await receiver.close();
            },
          };
        },
        close: async () => {
          for (const backend of backends.filter((one) => one.adapter === adapter)) remove(backend);
          await adapter.close();
        },
      };
      originals.set(watched, adapter);
      return watched;
    },
    crash(adapter) {
      for (const backend of backends.filter((one) => one.adapter === own(adapter))) {
        remove(backend);
        for (const response of backend.responses) response.destroy();
      }
    },
    cut(adapter, place) {
      for (const backend of backends.filter((one) => one.adapter === own(adapter) && one.place === place)) {
        for (const response of backend.responses) response.destroy();
      }
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** `orders/billing` and `orders/billing/dead/billing`. */
function split(place: string): [topic: string, subscription: string] {
  const at = place.lastIndexOf("/");
  return [place.slice(0, at), place.slice(at + 1)];
}
