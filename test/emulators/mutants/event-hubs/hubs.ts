import { type Mutant, ofRow } from "../mutant.ts";

const HUBS = "test/integration/emulator-event-hubs.test.ts";
const FAULTS = "test/integration/emulator-event-hubs-faults.test.ts";
const NAMESPACE = "packages/emulators/src/event-hubs/namespace.test.ts";

/** Hubs, their names and properties, and what they keep. */
export const ENTITIES: readonly Mutant[] = [
  ...ofRow("retention by time", [
    {
      does: "keeps events for ever",
      file: "event-hubs/log/partition-log.ts",
      find: "if (first.lastTime >= oldest && !isOver) break;",
      replace: "if (!isOver) break;",
      test: FAULTS,
      name: "removes what is older",
    },
    {
      does: "keeps old events beside young ones",
      file: "event-hubs/log/partition-log.ts",
      find: "this.begin = Math.max(this.begin, first.sequenceAtTime(oldest));",
      replace: "",
      test: FAULTS,
      name: "removes what is older",
    },
    {
      does: "begins where nothing is left",
      file: "event-hubs/properties-node.ts",
      find: "long(log.beginSequence)",
      replace: "long(0)",
      test: FAULTS,
      name: "removes what is older",
    },
  ]),
  ...ofRow("retention by bytes", [
    {
      does: "keeps every byte",
      file: "event-hubs/log/partition-log.ts",
      find: "this.total > this.retention.retentionBytes && this.segments.length > 1",
      replace: "false",
      test: FAULTS,
      name: "keeps no more bytes than allowed",
    },
  ]),
  ...ofRow("properties of hub and partitions", [
    {
      does: "tells one partition too few",
      file: "event-hubs/properties-node.ts",
      find: `new TypedArray("string", ids)`,
      replace: `new TypedArray("string", ids.slice(1))`,
      test: HUBS,
      name: "of a hub",
    },
    {
      does: "tells the epoch as the last time of an empty partition",
      file: "event-hubs/properties-node.ts",
      find: "timestamp(log.last?.enqueuedAt ?? NEVER_MS)",
      replace: "timestamp(log.last?.enqueuedAt ?? 0)",
      test: HUBS,
      name: "of a partition, empty and not",
    },
    {
      does: "tells that a partition with events is empty",
      file: "event-hubs/properties-node.ts",
      find: `["is_partition_empty", log.isEmpty]`,
      replace: `["is_partition_empty", true]`,
      test: HUBS,
      name: "of a partition, empty and not",
    },
  ]),
  ...ofRow("codes for what is not there", [
    {
      does: "takes a token for a hub that is not there",
      file: "event-hubs/namespace.ts",
      find: "check(token) ?? this.missing(token)",
      replace: "check(token)",
      test: NAMESPACE,
      name: "takes or refuses a token",
    },
    {
      does: "says that a partition was not found",
      file: "event-hubs/conditions.ts",
      find: `"com.microsoft:argument-out-of-range",
    \`The specified partition`,
      replace: `"amqp:not-found",
    \`The specified partition`,
      test: HUBS,
      name: "unknown hub, partition and consumer group",
    },
    {
      does: "makes a consumer group that is not there",
      file: "event-hubs/namespace.ts",
      find: "const readers = partition.readersOf(group);",
      replace: "partition.addGroup(group);\n    const readers = partition.readersOf(group);",
      test: HUBS,
      name: "unknown hub, partition and consumer group",
    },
  ]),
  ...ofRow("names in any case", [
    {
      does: "tells hubs of another case apart",
      file: "event-hubs/hubs.ts",
      find: "const hub = this.byName.get(name.toLowerCase());",
      replace: "const hub = this.byName.get(name);",
      test: HUBS,
      name: "takes hub, group and partition names in any case",
    },
    {
      does: "tells consumer groups of another case apart",
      file: "event-hubs/partition.ts",
      find: "this.byGroup.get(group.toLowerCase())",
      replace: "this.byGroup.get(group)",
      test: HUBS,
      name: "takes hub, group and partition names in any case",
    },
  ]),
  ...ofRow("geo-replication", [
    {
      does: "tells another factor than the hub has",
      file: "event-hubs/properties-node.ts",
      find: "int(settings.geoReplicationFactor)",
      replace: "int(1)",
      test: HUBS,
      name: "of a hub",
    },
  ]),
];
