import { deadTopic, ownTopic, type Topology, type TopologyStep } from "@waybill/core/spi";
import type { EventGridManagement } from "./management.ts";
import type { Names } from "./names.ts";
import type { Settings } from "./options.ts";
import type { PullSource } from "./pull-source.ts";

export interface TopologyOptions {
  readonly names: Names;
  readonly settings: Pick<Settings, "subscriptions" | "lockMs" | "pushed">;
  readonly source: (logicalTopic: string, subscription: string) => PullSource;
  readonly management: EventGridManagement | undefined;
}

interface Needed {
  readonly logical: string;
  readonly subscription: string;
  readonly purpose: string;
  /** Its address is for people to know: no client can make it. */
  readonly pushed: boolean;
}

/**
 * What the declared subscriptions need and the namespace does not have: found by the data plane, made by a management client where one is
 * handed in, else refused with the `az` command that makes it. Finds no strays, for the data plane lists nothing.
 */
export function createTopology({ names, settings, source, management }: TopologyOptions): Topology {
  const lockSeconds = Math.min(300, Math.max(60, Math.round(settings.lockMs / 1_000)));

  const topicStep = (topic: string, { purpose }: Needed): TopologyStep =>
    step("namespace topic", topic, purpose, `az eventgrid namespace topic create ${PLACE} --name ${topic}`, (signal) =>
      management!.createTopic(topic, signal),
    );
  const subscriptionStep = (topic: string, subscription: string, { purpose }: Needed): TopologyStep =>
    step(
      "event subscription",
      `${topic}/${subscription}`,
      purpose,
      `az eventgrid namespace topic event-subscription create ${PLACE} --topic-name ${topic} --name ${subscription} --event-delivery-schema CloudEventSchemaV1_0 ` +
        `--delivery-configuration "{deliveryMode:Queue,queue:{receiveLockDurationInSeconds:${lockSeconds},maxDeliveryCount:10,eventTimeToLive:P7D}}"`,
      (signal) =>
        management!.createSubscription(
          topic,
          subscription,
          { receiveLockDurationInSeconds: settings.lockMs / 1_000 },
          signal,
        ),
    );
  const pushStep = (topic: string, subscription: string, { purpose }: Needed): TopologyStep => ({
    action: "refuse",
    entity: "event subscription",
    name: `${topic}/${subscription}`,
    detail:
      `${purpose}, which pushes. It needs the management plane, and the address of its webhook: ` +
      `az eventgrid namespace topic event-subscription create ${PLACE} --topic-name ${topic} --name ${subscription} --event-delivery-schema CloudEventSchemaV1_0 ` +
      `--delivery-configuration "{deliveryMode:Push,push:{maxDeliveryCount:10,deliveryDestination:{endpointType:WebHook,endpointUrl:ENDPOINT}}}"`,
  });
  const step = (
    entity: string,
    name: string,
    purpose: string,
    command: string,
    apply: (signal: AbortSignal) => Promise<void>,
  ): TopologyStep =>
    management === undefined
      ? { action: "refuse", entity, name, detail: `${purpose}. It needs the management plane: ${command}` }
      : { action: "create", entity, name, detail: `${purpose}.`, apply };

  return {
    async plan({ signal }) {
      const needed = [...settings.subscriptions].flatMap(([topic, list]) =>
        list.flatMap((name) => needs(topic, name, settings.pushed.has(ownTopic(topic, name)))),
      );
      const found = await Promise.all(
        needed.map(async (one) => ({ one, exists: await source(one.logical, one.subscription).exists(signal) })),
      );
      const steps = new Map<string, TopologyStep>();
      for (const { one } of found.filter(({ exists }) => !exists)) {
        const topic = names.topic(one.logical);
        const subscription = names.subscription(one.logical, one.subscription);
        // Whether the topic alone is missing the data plane tells nobody; making one that exists changes nothing.
        if (!steps.has(topic)) steps.set(topic, topicStep(topic, one));
        const make = one.pushed ? pushStep : subscriptionStep;
        steps.set(`${topic}/${subscription}`, make(topic, subscription, one));
      }
      return [...steps.values()];
    },
  };
}

const PLACE = "--resource-group RESOURCE_GROUP --namespace-name NAMESPACE";

function needs(topic: string, subscription: string, pushed: boolean): Needed[] {
  const own = ownTopic(topic, subscription);
  const subscribed = { logical: topic, subscription, purpose: `For the subscription ${own}`, pushed };
  const redriven = { logical: own, subscription, purpose: `For what is redriven to ${own} alone`, pushed: false };
  const dead = {
    logical: deadTopic(topic, subscription),
    subscription,
    purpose: `For the dead letters of ${own}`,
    pushed: false,
  };
  return pushed ? [subscribed, dead] : [subscribed, redriven, dead];
}
