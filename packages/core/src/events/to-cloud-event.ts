import { coreErrors } from "../errors/core-errors.ts";
import type { RawCloudEvent } from "./cloud-event.ts";
import type { NewEvent } from "./define-event.ts";
import { schemaProblems } from "./schema-problems.ts";

/**
 * A new event as a complete CloudEvent, its data checked against the schema and left as it is: the wire carries the schema's input. Throws or rejects
 * with WB_EVENT_INVALID. `source` is used where the event names none.
 */
export function toCloudEvent(event: NewEvent, source: string): RawCloudEvent | Promise<RawCloudEvent> {
  const schema = event.definition.schema;
  if (schema === undefined) return build(event, source);
  const result = schema["~standard"].validate(event.data);
  if (result instanceof Promise) {
    return result.then((late) => {
      if (late.issues !== undefined) throw refuse(event, late.issues);
      return build(event, source);
    });
  }
  if (result.issues !== undefined) throw refuse(event, result.issues);
  return build(event, source);
}

function refuse(event: NewEvent, issues: Parameters<typeof schemaProblems>[0]): Error {
  return coreErrors.WB_EVENT_INVALID({ type: event.type, id: event.id, problems: schemaProblems(issues) });
}

const MAX_TTL_MS = 100 * 366 * 86_400_000;

/** Attributes that have a place of their own, and what is no attribute at all. */
const RESERVED: ReadonlySet<string> = new Set(["data", "data_base64", "subject", "dataschema", "__proto__"]);

function build(event: NewEvent, source: string): RawCloudEvent {
  const { definition, extensions, notBefore, ttlMs } = event;
  if (notBefore !== undefined && !(notBefore instanceof Date && notBefore.getTime() >= 0)) {
    throw coreErrors.WB_OPTION_INVALID({ option: "notBefore", problem: "must be a valid Date" });
  }
  if (ttlMs !== undefined && !(ttlMs > 0 && ttlMs <= MAX_TTL_MS)) {
    throw coreErrors.WB_OPTION_INVALID({ option: "ttlMs", problem: "must be positive, and a hundred years at most" });
  }
  const built: Record<string, unknown> = {
    specversion: "1.0",
    id: event.id,
    source: event.source ?? source,
    type: event.type,
    time: event.time,
    datacontenttype: definition.datacontenttype ?? "application/json",
    data: event.data,
    // In the literal, though often undefined: an object that grows afterwards costs twice the memory.
    partitionkey: event.key,
  };
  if (event.subject !== undefined) built.subject = event.subject;
  if (definition.dataschema !== undefined) built.dataschema = definition.dataschema;
  if (ttlMs !== undefined) built.expirytime = expiry(event, ttlMs);
  if (extensions !== undefined) {
    for (const [name, value] of Object.entries(extensions)) {
      if ((built[name] !== undefined && Object.hasOwn(built, name)) || RESERVED.has(name)) {
        throw coreErrors.WB_EVENT_ATTRIBUTE({ attribute: name, problem: "is not an extension" });
      }
      built[name] = value;
    }
  }
  return built as unknown as RawCloudEvent;
}

function expiry({ time }: NewEvent, ttlMs: number): string {
  const start = Date.parse(time);
  if (Number.isNaN(start))
    throw coreErrors.WB_EVENT_ATTRIBUTE({ attribute: "time", problem: "is no RFC 3339 timestamp" });
  return new Date(start + ttlMs).toISOString();
}
