import { deadTopic, ownTopic, type Receiver } from "@waybill/core/spi";
import { pushCapabilities } from "./capabilities.ts";
import { eventGridErrors } from "./errors.ts";
import type { Names } from "./names.ts";
import type { Settings } from "./options.ts";
import type { Outlets } from "./outlets.ts";
import type { Parts } from "./parts.ts";
import { createPushReceiver, type PushReceiver } from "./push-receiver.ts";
import { mount, type WebhookHandler } from "./webhook/mount.ts";
import { createWebhook, type Pushed, type Take } from "./webhook/webhook.ts";
import type { WebhookSettings } from "./webhook/webhook-options.ts";

export interface PushOptions {
  readonly names: Names;
  readonly settings: Pick<Settings, "kind" | "webhook" | "pushed">;
  readonly parts: Parts;
  readonly outlets: Pick<Outlets, "has">;
}

/** The subscriptions that come by webhook: which receivers their events go to. */
export class Push {
  readonly #options: PushOptions;
  readonly #receivers = new Map<string, PushReceiver[]>();

  constructor(options: PushOptions) {
    this.#options = options;
  }

  /** Custom topics and domains push everything. */
  covers(topic: string, subscription: string): boolean {
    const { kind, pushed } = this.#options.settings;
    return kind !== "namespace" || pushed.has(ownTopic(topic, subscription));
  }

  webhook(topic: string, subscription: string): WebhookHandler {
    const settings = this.#settingsOf(topic, subscription);
    const place = ownTopic(topic, subscription);
    return mount(createWebhook(settings, (pushed) => this.#take(place, pushed)));
  }

  open(topic: string, subscription: string): Receiver {
    const capabilities = this.capabilities(topic, subscription);
    const place = ownTopic(topic, subscription);
    const receiver = this.#options.parts.add(
      ({ end }) =>
        createPushReceiver({
          place,
          capabilities,
          close: () => {
            this.#receivers.set(
              place,
              this.#at(place).filter((one) => one !== receiver),
            );
            end();
          },
        }),
      "receiver",
    );
    this.#receivers.set(place, [...this.#at(place), receiver]);
    return receiver;
  }

  capabilities(topic: string, subscription: string) {
    const { patienceMs } = this.#settingsOf(topic, subscription);
    return pushCapabilities(patienceMs, this.#options.outlets.has(deadTopic(topic, subscription)));
  }

  /** To each in turn. Nobody there: the event is to come again. */
  async #take(place: string, pushed: Pushed): ReturnType<Take> {
    const [first, ...others] = this.#at(place);
    if (first === undefined) return { kind: "release" };
    this.#receivers.set(place, [...others, first]);
    return await first.take(pushed);
  }

  #at(place: string): readonly PushReceiver[] {
    return this.#receivers.get(place) ?? [];
  }

  #settingsOf(topic: string, subscription: string): WebhookSettings {
    const { names, settings } = this.#options;
    names.topic(topic);
    names.subscription(topic, subscription);
    if (settings.webhook !== undefined) return settings.webhook;
    const advice =
      settings.kind === "namespace"
        ? "give the option webhook"
        : "give the option webhook and mount adapter.webhook(topic, subscription), or let Event Grid deliver to a queue or hub and read that with its own adapter; custom topics and domains only push";
    throw eventGridErrors.WB_EVENT_GRID_UNDECLARED({ topic, what: "way to receive", advice });
  }
}
