import type { ServiceBusAdministrationClient } from "@azure/service-bus";
import type { Topology, TopologyStep } from "@waybill/core/spi";
import type { Admin } from "./admin.ts";
import { classify, failedCall } from "./classify.ts";
import { differences, type Found, problemOf } from "./compare-entity.ts";
import type { EntityNames } from "./entity-names.ts";
import type { Settings } from "./options.ts";
import { sameEntity, type Wanted, type WantedSubscription, wantedEntities } from "./wanted-entities.ts";

type Client = ServiceBusAdministrationClient;

/** Topics, their subscriptions and the queues that these forward to; plain queues. Takes the right Manage. */
export function createTopology(admin: Admin, names: EntityNames, settings: Settings): Topology {
  /** Undefined where there is no such entity. */
  const find = async <T>(
    name: string,
    signal: AbortSignal,
    get: (client: Client, signal: AbortSignal) => Promise<T>,
  ) => {
    try {
      return await admin.use(signal, get);
    } catch (error) {
      // The SDK cannot read an entity of another kind, which is none of this kind.
      const { code } = error as { code?: unknown };
      if (code === "PARSE_ERROR" || classify(error) === "not-found") return undefined;
      throw failedCall("Looking for", name, error);
    }
  };

  const read = (wanted: Wanted, signal: AbortSignal): Promise<Found | undefined> =>
    find(wanted.name, signal, async (client, abortSignal): Promise<Found> => {
      const options = { abortSignal };
      if (wanted.entity === "topic") return client.getTopic(wanted.name, options);
      if (wanted.entity === "queue") return client.getQueue(wanted.name, options);
      return client.getSubscription(wanted.topic, wanted.subscription, options);
    });

  const step = (
    action: "create" | "update" | "delete",
    entity: string,
    name: string,
    detail: string,
    apply: (client: Client, signal: AbortSignal) => Promise<unknown>,
  ): TopologyStep => ({
    action,
    entity,
    name,
    detail,
    async apply(signal) {
      try {
        await admin.use(signal, apply);
      } catch (error) {
        if (wasFaster(action, error)) return;
        throw failedCall(`The ${action} of ${entity}`, name, error);
      }
    },
  });

  const stepFor = async (wanted: Wanted, signal: AbortSignal): Promise<TopologyStep | undefined> => {
    const { entity, name, purpose } = wanted;
    const found = await read(wanted, signal);
    const refuse = (detail: string): TopologyStep => ({ action: "refuse", entity, name, detail });
    if (found === undefined) {
      const other = await otherKind(wanted, signal);
      if (other !== undefined) return refuse(`There is a ${other} of this name, where a ${entity} is needed.`);
      return step("create", entity, name, purpose, (client, abortSignal) => create(client, wanted, abortSignal));
    }
    const problem = problemOf(wanted, found);
    if (problem !== undefined) return refuse(problem);
    const changes = differences(wanted, found);
    if (changes.length === 0) return undefined;
    return step("update", entity, name, `${changes.join(", ")}.`, (client, abortSignal) =>
      update(client, wanted, abortSignal),
    );
  };

  const otherKind = async (wanted: Wanted, signal: AbortSignal): Promise<string | undefined> => {
    if (wanted.entity === "subscription") return undefined;
    const other = wanted.entity === "topic" ? "queue" : "topic";
    const found = await find(wanted.name, signal, async (client, abortSignal) =>
      other === "queue"
        ? client.queueExists(wanted.name, { abortSignal })
        : client.topicExists(wanted.name, { abortSignal }),
    );
    return found === true ? other : undefined;
  };

  /** Of what carries our names and is wanted by nobody: first the subscriptions, then what they forward to, then topics. */
  const surplus = async (wanted: readonly Wanted[], signal: AbortSignal): Promise<TopologyStep[]> => {
    const detail = "Nothing declares it. Its messages are deleted with it.";
    const isWanted = (name: string) => wanted.some((one) => sameEntity(one.name, name));
    const topics = wanted.filter(({ entity }) => entity === "topic").map(({ name }) => name);
    const isOurs = (name: string) => names.isOurs(name) || topics.some((topic) => name.startsWith(`${topic}.`));
    const list = <T>(read: (client: Client) => AsyncIterable<T>) =>
      admin
        .use(signal, async (client) => {
          const all: T[] = [];
          for await (const one of read(client)) all.push(one);
          return all;
        })
        .catch((error: unknown) => {
          throw failedCall("Listing", "the namespace", error);
        });

    const steps: TopologyStep[] = [];
    for (const topic of topics) {
      if ((await find(topic, signal, (client) => client.getTopic(topic))) === undefined) continue;
      for (const { subscriptionName, forwardTo } of await list((client) => client.listSubscriptions(topic))) {
        const name = `${topic}/${subscriptionName}`;
        // Somebody else's subscription of the same topic is not ours to delete: ours forward to a queue of ours.
        const isMade = forwardTo !== undefined && sameEntity(forwardTo, `${topic}.${subscriptionName}`);
        if (isWanted(name) || !isMade) continue;
        steps.push(
          step("delete", "subscription", name, detail, (client, abortSignal) =>
            client.deleteSubscription(topic, subscriptionName, { abortSignal }),
          ),
        );
      }
    }
    for (const { name } of await list((client) => client.listQueues())) {
      if (!isOurs(name) || isWanted(name)) continue;
      steps.push(
        step("delete", "queue", name, detail, (client, abortSignal) => client.deleteQueue(name, { abortSignal })),
      );
    }
    for (const { name } of await list((client) => client.listTopics())) {
      if (!names.isOurs(name) || isWanted(name)) continue;
      steps.push(
        step("delete", "topic", name, detail, (client, abortSignal) => client.deleteTopic(name, { abortSignal })),
      );
    }
    return steps;
  };

  return {
    async plan({ prune, signal }) {
      const wanted = wantedEntities(names, settings);
      const steps: TopologyStep[] = [];
      for (const one of wanted) {
        const found = await stepFor(one, signal);
        if (found !== undefined) steps.push(found);
      }
      return prune ? [...steps, ...(await surplus(wanted, signal))] : steps;
    },
  };
}

function wasFaster(action: TopologyStep["action"], error: unknown): boolean {
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  if (action === "create") return code === "MessageEntityAlreadyExistsError" || statusCode === 409;
  return action === "delete" && classify(error) === "not-found";
}

async function create(client: Client, wanted: Wanted, abortSignal: AbortSignal): Promise<void> {
  if (wanted.entity === "topic") await client.createTopic(wanted.name, { ...wanted.settings, abortSignal });
  else if (wanted.entity === "queue") await client.createQueue(wanted.name, { ...wanted.settings, abortSignal });
  else await client.createSubscription(wanted.topic, wanted.subscription, { ...wanted.settings, abortSignal });
}

/** Read again, so that what somebody changed meanwhile stays. */
async function update(client: Client, wanted: Wanted, abortSignal: AbortSignal): Promise<void> {
  const options = { abortSignal };
  if (wanted.entity === "topic") {
    await client.updateTopic({ ...(await client.getTopic(wanted.name, options)), ...wanted.settings }, options);
  } else if (wanted.entity === "queue") {
    await client.updateQueue({ ...(await client.getQueue(wanted.name, options)), ...wanted.settings }, options);
  } else {
    const { topic, subscription, settings }: WantedSubscription = wanted;
    await client.updateSubscription(
      { ...(await client.getSubscription(topic, subscription, options)), ...settings },
      options,
    );
  }
}
