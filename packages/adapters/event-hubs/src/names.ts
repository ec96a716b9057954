import { createNaming, deadTopic, ownTopic, type Source } from "@waybill/core/spi";
import { eventHubsErrors } from "./errors.ts";
import type { Settings } from "./options.ts";

const MAX_HUB = 256;
const MAX_GROUP = 50;
const NAME = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i;
/** The consumer group that every hub has, and the only one on the Basic tier. */
export const DEFAULT_GROUP = "$Default";

export interface HubNames {
  /** The hub of `topic`, `topic/subscription` or `topic/subscription/dead`. */
  hub(logical: string): string;
  /** The consumer group that a source reads with. A hub that belongs to one subscription alone needs none but `$Default`. */
  group(source: Pick<Source, "topic" | "subscription">): string;
}

/** Throws where a name does not fit the broker's rules, or two would be one. Hubs and groups are the same in any case, so names are compared in lower case. */
export function createHubNames(
  settings: Pick<Settings, "prefix" | "names" | "consumerGroups" | "subscriptions">,
): HubNames {
  const naming = createNaming({
    entity: "event hub",
    maxLength: MAX_HUB,
    separator: ".",
    prefix: settings.prefix,
    names: settings.names,
    ignoreCase: true,
  });
  const byHand = new Map(Object.entries(settings.consumerGroups));
  const groups = createNaming({ entity: "consumer group", maxLength: MAX_HUB + 1 + MAX_GROUP, separator: "/" });
  const groupOf = (logical: string) => byHand.get(logical) ?? logical.slice(logical.indexOf("/") + 1);
  const declared = [...settings.subscriptions].flatMap(([topic, list]) => list.map((name) => ownTopic(topic, name)));
  const known = new Set([...byHand.keys(), ...declared]);
  const names: HubNames = {
    hub(logical) {
      const name = naming(logical);
      if (!NAME.test(name)) throw unfit(logical, "hub", name);
      // The SDK keeps its links in a plain object, and finds these there before there is a link.
      if (name in Object.prototype) {
        const problem =
          "cannot be used with the SDK, for every JavaScript object has a member of that name: set another in names";
        throw eventHubsErrors.WB_EVENT_HUBS_NAME({ logical, entity: "hub", name, problem });
      }
      return name;
    },
    group({ topic, subscription }) {
      const logical = ownTopic(topic, subscription);
      if (topic.includes("/")) return DEFAULT_GROUP;
      // Checks the subscription's name by the grammar.
      groups(logical);
      const name = groupOf(logical);
      if (name.toLowerCase() !== DEFAULT_GROUP.toLowerCase() && (name.length > MAX_GROUP || !NAME.test(name)))
        throw unfit(logical, "consumer group", name);
      for (const other of known) {
        if (other === logical || !other.startsWith(`${topic}/`)) continue;
        if (groupOf(other).toLowerCase() !== name.toLowerCase()) continue;
        throw eventHubsErrors.WB_EVENT_HUBS_NAME({
          logical,
          entity: "consumer group",
          name,
          problem: `is that of ${other} too, and they would share the events instead of each getting all`,
        });
      }
      return name;
    },
  };
  // What can be known at construction is checked there.
  for (const logical of Object.keys(settings.names)) names.hub(logical);
  for (const [topic, list] of settings.subscriptions) {
    names.hub(topic);
    for (const subscription of list) {
      names.hub(deadTopic(topic, subscription));
      names.group({ topic, subscription });
    }
  }
  return names;
}

const unfit = (logical: string, entity: string, name: string) =>
  eventHubsErrors.WB_EVENT_HUBS_NAME({ logical, entity, name, problem: "does not fit the rules" });
