import { argumentError } from "./conditions.ts";

export interface HubOptions {
  /** 1 to 1024. Default 4. */
  readonly partitionCount?: number | undefined;
  /** Beside `$Default`, which every hub has. */
  readonly consumerGroups?: readonly string[] | undefined;
  /** Events that are older are removed. Default 86 400 000, a day. */
  readonly retentionMs?: number | undefined;
  /** Kept per partition, bytes, in steps of 1 MiB; beyond it the oldest events go. The service has no such limit, a process has. Default 64 MiB; with a data folder, none. */
  readonly retentionBytes?: number | undefined;
  /** Largest event or batch, bytes. Default 1 048 576. */
  readonly maxMessageBytes?: number | undefined;
  /** As the properties of the hub tell it; more than 1 reads as "geo-disaster recovery is on". Nothing is copied. Default 1. */
  readonly geoReplicationFactor?: number | undefined;
}

export interface HubSettings {
  readonly name: string;
  readonly partitionCount: number;
  readonly consumerGroups: readonly string[];
  readonly retentionMs: number;
  readonly retentionBytes: number;
  readonly maxMessageBytes: number;
  readonly geoReplicationFactor: number;
}

export const DEFAULT_GROUP = "$Default";
const MEBIBYTE = 1024 * 1024;
const DAY_MS = 86_400_000;

/** Letters, digits, dots, hyphens and underscores, a letter or digit at both ends: such a name is also a safe folder name. */
const HUB_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,254}[a-z0-9])?$/i;
const GROUP_NAME = /^(?:\$default|[a-z0-9](?:[a-z0-9._-]{0,48}[a-z0-9])?)$/i;

/** Checks a hub's options and fills in the defaults. Throws an argument error that names the hub. */
export function readSettings(name: string, options: HubOptions, hasFolder: boolean): HubSettings {
  if (!HUB_NAME.test(name)) throw argumentError(`'${name}' is no name for an event hub.`);
  const unknown = Object.keys(options).find((key) => !KEYS.has(key));
  if (unknown !== undefined) throw argumentError(`The hub '${name}' has the unknown property '${unknown}'.`);
  const groups = options.consumerGroups ?? [];
  for (const group of groups) checkGroupName(group, name);
  const positive = (key: NumberKey, fallback: number, max = Number.POSITIVE_INFINITY) => {
    const value = options[key] ?? fallback;
    if (typeof value !== "number" || !(value >= 1 && value <= max))
      throw argumentError(`The property '${key}' of the hub '${name}' is ${value}; it is a number from 1 to ${max}.`);
    return value;
  };
  const partitionCount = positive("partitionCount", 4, 1024);
  if (!Number.isInteger(partitionCount)) throw argumentError(`The hub '${name}' has ${partitionCount} partitions.`);
  return {
    name,
    partitionCount,
    consumerGroups: [DEFAULT_GROUP, ...groups.filter((group) => group.toLowerCase() !== DEFAULT_GROUP.toLowerCase())],
    retentionMs: positive("retentionMs", DAY_MS),
    retentionBytes: positive("retentionBytes", hasFolder ? Number.POSITIVE_INFINITY : 64 * MEBIBYTE),
    maxMessageBytes: positive("maxMessageBytes", MEBIBYTE),
    geoReplicationFactor: positive("geoReplicationFactor", 1),
  };
}

export function checkGroupName(group: string, hub: string): void {
  if (!GROUP_NAME.test(group)) throw argumentError(`'${group}' is no name for a consumer group of '${hub}'.`);
}

type NumberKey = Exclude<keyof HubOptions, "consumerGroups">;
const KEYS: ReadonlySet<string> = new Set([
  "partitionCount",
  "consumerGroups",
  "retentionMs",
  "retentionBytes",
  "maxMessageBytes",
  "geoReplicationFactor",
] satisfies (keyof HubOptions)[]);
