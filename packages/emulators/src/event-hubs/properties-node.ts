import { AmqpError } from "../amqp/amqp-error.ts";
import { type Request, RequestResponse, type Response } from "../amqp/request-response.ts";
import { int, long, sym, TypedArray, timestamp } from "../amqp/values.ts";
import type { Access } from "../shared-access/access.ts";
import { argumentError, serverBusy } from "./conditions.ts";
import type { FaultPlan } from "./fault-plan.ts";
import type { Hub } from "./hub.ts";
import type { Hubs } from "./hubs.ts";

const HUB = "com.microsoft:eventhub";
const PARTITION = "com.microsoft:partition";
/** .NET's smallest date: what the service tells of a partition that never had an event. */
const NEVER_MS = -62_135_596_800_000;

const STATUS: Readonly<Record<string, number>> = {
  "amqp:unauthorized-access": 401,
  "amqp:not-found": 404,
  "com.microsoft:server-busy": 503,
  "com.microsoft:argument-error": 400,
  "com.microsoft:argument-out-of-range": 400,
  "amqp:not-implemented": 501,
};

/** The `$management` node: reads what hubs and partitions are. */
export function propertiesNode(hubs: Hubs, faults: FaultPlan, access: Access): RequestResponse {
  return new RequestResponse((request) => {
    try {
      if (faults.isBusy) throw serverBusy();
      return { properties: status(200, "OK"), body: read(hubs, access, request) };
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      return failed(error);
    }
  });
}

function read(hubs: Hubs, access: Access, { session, operation, properties }: Request): Map<string, unknown> {
  if (operation !== "READ")
    throw new AmqpError("amqp:not-implemented", `The operation '${operation}' is not known here.`);
  const name = String(properties.get("name") ?? "");
  access.demand(session.connection, { path: `${name}/$management`, entity: name }, "Send", "Listen");
  const hub = hubs.get(name);
  const type = properties.get("type");
  if (type === HUB) return hubProperties(hub);
  if (type === PARTITION) return partitionProperties(hub, String(properties.get("partition") ?? ""));
  throw argumentError(`The type '${String(type)}' is not known here.`);
}

function hubProperties({ settings, createdAt, partitions }: Hub): Map<string, unknown> {
  const ids = partitions.map(({ id }) => id);
  return new Map<string, unknown>([
    ["name", settings.name],
    ["type", HUB],
    ["created_at", timestamp(createdAt)],
    ["partition_count", int(ids.length)],
    ["partition_ids", new TypedArray("string", ids)],
    ["georeplication_factor", int(settings.geoReplicationFactor)],
  ]);
}

function partitionProperties(hub: Hub, id: string): Map<string, unknown> {
  const { log } = hub.partition(id);
  return new Map<string, unknown>([
    ["name", hub.settings.name],
    ["type", PARTITION],
    ["partition", id],
    ["begin_sequence_number", long(log.beginSequence)],
    ["last_enqueued_sequence_number", long(log.last?.sequenceNumber ?? -1)],
    ["last_enqueued_offset", String(log.last?.offset ?? -1)],
    ["last_enqueued_time_utc", timestamp(log.last?.enqueuedAt ?? NEVER_MS)],
    ["is_partition_empty", log.isEmpty],
  ]);
}

const status = (code: number, text: string) =>
  new Map<string, unknown>([
    ["status-code", int(code)],
    ["status-description", text],
  ]);

const failed = (error: AmqpError): Response => ({
  properties: status(STATUS[error.condition] ?? 500, error.message).set("error-condition", sym(error.condition)),
});
