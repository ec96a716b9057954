import { type Adapter, createCall, type Source } from "@waybill/core/spi";
import { checkAccess } from "./access.ts";
import { senderCapabilities } from "./capabilities.ts";
import { classify } from "./classify.ts";
import { createHealth } from "./health.ts";
import { createNames } from "./names.ts";
import { checkOptions, type EventGridOptions } from "./options.ts";
import { createOutlets } from "./outlets.ts";
import { Parts } from "./parts.ts";
import { Pull } from "./pull.ts";
import { Push } from "./push.ts";
import { createRestClient } from "./rest-client.ts";
import { createSender } from "./sender.ts";
import { createTopology } from "./topology.ts";
import type { WebhookHandler } from "./webhook/mount.ts";

export interface EventGridAdapter extends Adapter {
  readonly name: "event-grid";
  /**
   * The endpoint of an event subscription: mount it in any server. While the subscription runs on this adapter, its events are handled and settled like those of any
   * broker, and a request is answered once its events are; before and afterwards it answers 503, so that they come again. Needs the option `webhook`.
   */
  webhook(topic: string, subscription: string): WebhookHandler;
}

/** Azure Event Grid: at least once, in no order; the service copies to every event subscription. Checks its options and does no I/O. */
export function eventGrid(options: EventGridOptions): EventGridAdapter {
  const settings = checkOptions(options);
  const names = createNames(settings);
  const parts = new Parts();
  const client =
    settings.kind === "namespace" ? createRestClient(checkAccess("endpoint", options), options) : undefined;
  const pull = client === undefined ? undefined : new Pull({ client, names, settings, parts });
  const outlets = createOutlets({ options, settings, names, client });
  const push = new Push({ names, settings, parts, outlets });
  const sending = new Set<string>();

  return {
    name: "event-grid",
    async openSender(topic) {
      parts.closed.throwIfAborted();
      const outlet = outlets.of(topic);
      const [, subscription] = topic.split("/");
      // The service takes events that no event subscription wants, and drops them: a dead letter must not go that way.
      if (subscription !== undefined) await pull?.check(topic, subscription);
      parts.closed.throwIfAborted();
      sending.add(topic);
      return parts.add(
        ({ signal, end }) =>
          createSender({
            ...outlet,
            capabilities: senderCapabilities(settings.kind),
            call: createCall(settings.requestTimeoutMs, signal),
            closed: signal,
            close: end,
          }),
        "sender",
      );
    },
    /** `startFrom` changes nothing: an event subscription holds what was published since it exists. */
    async openReceiver({ topic, subscription }: Source) {
      parts.closed.throwIfAborted();
      return push.covers(topic, subscription) ? push.open(topic, subscription) : pull!.open(topic, subscription);
    },
    async describe({ topic, subscription }, signal) {
      parts.closed.throwIfAborted();
      outlets.of(topic);
      if (!push.covers(topic, subscription)) return pull!.describe(topic, subscription, signal);
      return { sender: senderCapabilities(settings.kind), receiver: push.capabilities(topic, subscription) };
    },
    webhook: (topic, subscription) => push.webhook(topic, subscription),
    ...(pull === undefined
      ? {}
      : {
          topology: createTopology({
            names,
            settings,
            source: (topic, subscription) => pull.source(topic, subscription),
            management: options.management,
          }),
        }),
    classify,
    health: createHealth({ settings, parts, client, pull, outlets, sending }),
    close: () => parts.close(),
  };
}
