import type { EventHubProducerClient } from "@azure/event-hubs";
import type { ContainerClient } from "@azure/storage-blob";
import { type Call, deadTopic, ownTopic, type Topology, type TopologyStep } from "@waybill/core/spi";
import { groupExists, type HubInfo } from "./admin.ts";
import { classify, failedCall } from "./classify.ts";
import type { Connect } from "./connect.ts";
import type { HubManagement } from "./management.ts";
import { DEFAULT_GROUP, type HubNames } from "./names.ts";
import type { Settings } from "./options.ts";

export interface TopologyParts {
  readonly settings: Pick<Settings, "subscriptions" | "retryHubs">;
  readonly names: HubNames;
  readonly producer: (hub: string) => EventHubProducerClient;
  readonly infoOf: (hub: string) => HubInfo;
  readonly connect: Connect;
  readonly call: Call;
  readonly container: ContainerClient | undefined;
  readonly management: HubManagement | undefined;
}

interface Needed {
  readonly hub: string;
  readonly use: string;
  readonly groups: readonly { readonly group: string; readonly use: string }[];
}

/**
 * The data plane can look at hubs and consumer groups, and cannot make them. So a missing one is a step of action `refuse` with the command that
 * makes it, unless `management` was given. Nothing is ever deleted, with `prune` or without: whether a hub is ours cannot be told from its name.
 */
export function createTopology(parts: TopologyParts): Topology {
  return {
    async plan({ signal }) {
      const steps: TopologyStep[] = [];
      const { container } = parts;
      if (container !== undefined && !(await containerExists(container, parts.call, signal)))
        steps.push(makeContainer(container, parts.call));
      for (const needed of neededHubs(parts)) steps.push(...(await planHub(parts, needed, signal)));
      return steps;
    },
  };
}

function neededHubs({ settings, names }: TopologyParts): Needed[] {
  const out: Needed[] = [];
  for (const [topic, subscriptions] of settings.subscriptions) {
    const groups = subscriptions.map((subscription) => ({
      group: names.group({ topic, subscription }),
      use: `subscription ${ownTopic(topic, subscription)}`,
    }));
    out.push({ hub: names.hub(topic), use: `topic ${topic}`, groups });
    for (const subscription of subscriptions) {
      const own = ownTopic(topic, subscription);
      if (settings.retryHubs) out.push({ hub: names.hub(own), use: `what returns to subscription ${own}`, groups: [] });
      out.push({
        hub: names.hub(deadTopic(topic, subscription)),
        use: `dead letters of subscription ${own}`,
        groups: [],
      });
    }
  }
  return out;
}

async function planHub(
  parts: TopologyParts,
  { hub, use, groups }: Needed,
  signal: AbortSignal,
): Promise<TopologyStep[]> {
  const { connect, call } = parts;
  const named = groups.filter(({ group }) => group.toLowerCase() !== DEFAULT_GROUP.toLowerCase());
  const partitionIds = await existingPartitions(parts, hub, signal);
  if (partitionIds === undefined)
    return [missingHub(parts, hub, use), ...named.map((group) => missingGroup(parts, hub, group))];
  const steps: TopologyStep[] = [];
  for (const wanted of named) {
    const place = { hub, group: wanted.group, partition: partitionIds[0] ?? "0" };
    if (!(await groupExists(connect, place, call))) steps.push(missingGroup(parts, hub, wanted));
  }
  return steps;
}

async function existingPartitions({ infoOf }: TopologyParts, hub: string, signal: AbortSignal) {
  try {
    return await infoOf(hub).partitionIds(signal);
  } catch (error) {
    if (classify(error) === "not-found") return undefined;
    throw error;
  }
}

/** The namespace's name as the management plane knows it; the resource group is the operator's to fill in. */
function where({ producer }: TopologyParts, hub: string): string {
  const [namespace = "NAMESPACE"] = producer(hub).fullyQualifiedNamespace.split(".");
  return `--resource-group RESOURCE_GROUP --namespace-name ${namespace}`;
}

function missingHub(parts: TopologyParts, hub: string, use: string): TopologyStep {
  const { management } = parts;
  const step = { entity: "event hub", name: hub };
  if (management !== undefined)
    return {
      ...step,
      action: "create",
      detail: `For ${use}.`,
      apply: (signal) => applied(hub, management.createHub(hub, signal)),
    };
  const command = `az eventhubs eventhub create ${where(parts, hub)} --name ${hub} --partition-count 4`;
  return {
    ...step,
    action: "refuse",
    detail: `It is missing, for ${use}. Only the management plane makes hubs: ${command}`,
  };
}

function missingGroup(parts: TopologyParts, hub: string, { group, use }: Needed["groups"][number]): TopologyStep {
  const { management } = parts;
  const step = { entity: "consumer group", name: `${hub}/${group}` };
  if (management !== undefined)
    return {
      ...step,
      action: "create",
      detail: `For ${use}.`,
      apply: (signal) => applied(`${hub}/${group}`, management.createConsumerGroup(hub, group, signal)),
    };
  const command = `az eventhubs eventhub consumer-group create ${where(parts, hub)} --eventhub-name ${hub} --name ${group}`;
  return {
    ...step,
    action: "refuse",
    detail: `It is missing, for ${use}. Only the management plane makes consumer groups: ${command}`,
  };
}

async function applied(name: string, making: Promise<unknown>): Promise<void> {
  try {
    await making;
  } catch (error) {
    throw failedCall("Creating", name, error);
  }
}

async function containerExists(container: ContainerClient, call: Call, signal: AbortSignal): Promise<boolean> {
  try {
    return await call(signal, (abortSignal) => container.exists({ abortSignal }));
  } catch (error) {
    throw failedCall("Looking for", `blob container ${container.containerName}`, error);
  }
}

function makeContainer(container: ContainerClient, call: Call): TopologyStep {
  return {
    action: "create",
    entity: "blob container",
    name: container.containerName,
    detail: "For the checkpoints of all subscriptions.",
    apply: async (signal) => {
      await call(signal, (abortSignal) => container.createIfNotExists({ abortSignal }));
    },
  };
}
