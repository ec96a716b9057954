import { checkAccess } from "./access.ts";
import { eventGridErrors } from "./errors.ts";
import { addressed } from "./mapping.ts";
import type { Names } from "./names.ts";
import type { EventGridOptions, Settings } from "./options.ts";
import { type Publish, publishToNamespace, publishToTopic } from "./publish.ts";
import type { RestClient } from "./rest-client.ts";

/** Where the events of one topic go. */
export interface Outlet {
  readonly place: string;
  readonly publish: Publish;
  readonly address?: (document: Uint8Array) => Uint8Array;
}

export interface OutletsOptions {
  readonly options: EventGridOptions;
  readonly settings: Pick<Settings, "kind">;
  readonly names: Names;
  /** Of the namespace. */
  readonly client: RestClient | undefined;
}

const ELSEWHERE =
  "name a topic of another broker in deadLetterTo, or set this one by hand; dead letters need a place that somebody reads";

export interface Outlets {
  /** The outlet of a logical topic; throws where there is none. */
  of(topic: string): Outlet;
  /** Whether there is one. */
  has(topic: string): boolean;
  /** Every endpoint that is known without a topic's name. */
  readonly endpoints: Iterable<Outlet>;
}

/** Checks every access at construction, and does no I/O. */
export function createOutlets({ options, settings, names, client }: OutletsOptions): Outlets {
  if (settings.kind === "namespace") {
    const of = (topic: string) => {
      const place = names.topic(topic);
      return { place, publish: publishToNamespace(client!, place) };
    };
    return { of, has: () => true, endpoints: [] };
  }
  if (settings.kind === "domain") {
    const access = checkAccess("endpoint", options);
    const publish = publishToTopic(access, options);
    const has = (topic: string) => !topic.includes("/") || Object.hasOwn(options.names ?? {}, topic);
    const of = (topic: string) => {
      const place = names.topic(topic);
      if (!has(topic)) throw missing(topic, "domain topic known", ELSEWHERE);
      return { place, publish, address: (document: Uint8Array) => addressed(document, place) };
    };
    return { of, has, endpoints: [{ place: access.endpoint.host, publish }] };
  }
  const custom = new Map<string, Outlet>();
  for (const [topic, given] of Object.entries(options.topics ?? {})) {
    names.topic(topic);
    const { key, sas, credential } = options;
    const own = [given?.key, given?.sas, given?.credential].some((way) => way !== undefined);
    const access = checkAccess(`topics.${topic}`, own ? given : { key, sas, credential, ...given });
    const publish = publishToTopic(access, options);
    custom.set(topic, { place: access.endpoint.host, publish });
  }
  const of = (topic: string) => {
    names.topic(topic);
    const found = custom.get(topic);
    if (found !== undefined) return found;
    const known = [...custom.keys()].join(", ") || "none";
    throw missing(topic, "custom topic", topic.includes("/") ? ELSEWHERE : `add it to topics, which has ${known}`);
  };
  return { of, has: (topic) => custom.has(topic), endpoints: [...custom.values()] };
}

const missing = (topic: string, what: string, advice: string) =>
  eventGridErrors.WB_EVENT_GRID_UNDECLARED({ topic, what, advice });
