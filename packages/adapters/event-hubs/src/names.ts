import { createNaming, ownTopic, type Source } from "@waybill/core/spi";
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
export function createHubNames(settings: Pick<Settings, "prefix" | "names" | "consumerGroups">): HubNames {
  const naming = createNaming({
    entity: "event hub",
    maxLength: MAX_HUB,
    separator: ".",
    prefix: settings.prefix,
    names: settings.names,
  });
  const byHand = new Map(Object.entries(settings.consumerGroups));
  const groups = createNaming({ entity: "consumer group", maxLength: MAX_HUB + 1 + MAX_GROUP, separator: "/" });
  return {
    hub(logical) {
      const name = naming(logical);
      if (!NAME.test(name)) throw unfit(logical, "hub", name);
      return name;
    },
    group({ topic, subscription }) {
      const logical = ownTopic(topic, subscription);
      if (topic.includes("/")) return DEFAULT_GROUP;
      // Checks the subscription's name by the grammar.
      groups(logical);
      const name = byHand.get(logical) ?? subscription;
      if (name.toLowerCase() !== DEFAULT_GROUP.toLowerCase() && (name.length > MAX_GROUP || !NAME.test(name)))
        throw unfit(logical, "consumer group", name);
      const twin = [...byHand].find(
        ([other, group]) =>
          other !== logical && other.startsWith(`${topic}/`) && group.toLowerCase() === name.toLowerCase(),
      );
      if (twin !== undefined)
        throw eventHubsErrors.WB_EVENT_HUBS_NAME({
          logical,
          entity: "consumer group",
          name,
          problem: `is that of ${twin[0]} too, and they would share the events instead of each getting all`,
        });
      return name;
    },
  };
}

const unfit = (logical: string, entity: string, name: string) =>
  eventHubsErrors.WB_EVENT_HUBS_NAME({ logical, entity, name, problem: "does not fit the rules" });
