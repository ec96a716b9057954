import fc from "fast-check";
import type { RawCloudEvent } from "../events/cloud-event.ts";

const anyUnit = fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit));

/** Any UTF-16 units, halves of surrogate pairs, controls and noncharacters included, with the awkward ones often. */
export const anyUnits = fc.string({
  unit: fc.oneof(
    anyUnit,
    fc.constantFrom(
      "\u0000",
      "\r",
      "\n",
      "\u007f",
      "\u0085",
      "\ud800",
      "\udfff",
      "\ufffe",
      "\uffff",
      "\ufeff",
      '"',
      "\\",
    ),
  ),
  maxLength: 20,
});

const isCloudEventsText = (text: string): boolean =>
  text.isWellFormed() && !/\p{Cc}|\p{Noncharacter_Code_Point}/u.test(text);
const attributeText = fc.string({ unit: "binary", maxLength: 20 }).filter(isCloudEventsText);
const required = attributeText.filter((text) => text !== "");

const extensionName = fc
  .oneof(
    fc.stringMatching(/^[a-z0-9]{1,25}$/),
    fc.constantFrom("constructor", "tostring", "valueof", "hasownproperty", "traceparent", "wbtypes", "0", "42"),
  )
  .filter((name) => !TAKEN.has(name));
const TAKEN = new Set(
  "data specversion id source type subject time datacontenttype dataschema partitionkey expirytime wbattempt wbfirstfailure wbredrives".split(
    " ",
  ),
);
const extensionValue = fc.oneof(
  attributeText,
  fc.constantFrom("true", "false", "0", "-1", "12", "007", ""),
  fc.boolean(),
  fc.integer(),
);

/** JSON values of any depth, top-level ones and keys of any units included. */
export const anyJson = fc.oneof(
  // Without -0, which JSON writes as 0.
  fc.jsonValue({ maxDepth: 3 }).map((value): unknown => JSON.parse(JSON.stringify(value))),
  fc.constantFrom<unknown[]>(null, false, 0, "", [], {}, "text", [null]),
  anyUnits,
  fc
    .array(fc.tuple(anyUnits, fc.oneof(anyUnits, fc.integer())), { maxLength: 4 })
    .map((pairs) => Object.fromEntries(pairs)),
  fc.constant(JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":2}}')),
);

const wellFormed = fc.oneof(anyUnits, fc.string()).map((text) => text.toWellFormed());

const content = fc.oneof(
  fc.record({
    datacontenttype: fc.constantFrom(
      undefined,
      "application/json",
      "text/json",
      "application/x+json",
      "Application/JSON; a=b",
    ),
    data: anyJson,
  }),
  fc.record({ datacontenttype: fc.constantFrom("text/plain", "text/csv; charset=UTF-8"), data: wellFormed }),
  fc.record({
    datacontenttype: fc.constantFrom("application/octet-stream", "image/png", "text/plain; charset=iso-8859-1"),
    data: fc.uint8Array({ maxLength: 50 }),
  }),
  fc.record({ datacontenttype: fc.constant("application/cloudevents+json"), data: anyJson }),
  fc.record({ datacontenttype: fc.constantFrom(undefined, "application/json", "text/plain", "image/png") }),
);

/** Whatever a valid event can be. */
export const anyEvent: fc.Arbitrary<RawCloudEvent> = fc
  .tuple(
    fc.record({ specversion: fc.constant("1.0" as const), id: required, source: required, type: required }),
    fc.record(
      {
        subject: required,
        time: fc.constantFrom("2026-01-31T12:00:00Z", "2024-02-29T23:59:60.123456+05:30"),
        dataschema: required,
        partitionkey: required,
      },
      { requiredKeys: [] },
    ),
    fc.dictionary(extensionName, extensionValue, { maxKeys: 5, noNullPrototype: true }),
    content,
  )
  .map(([core, optional, extensions, data]) => withoutUndefined({ ...core, ...optional, ...extensions, ...data }));

function withoutUndefined(event: object): RawCloudEvent {
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined)) as RawCloudEvent;
}

/** Two values compared by content: a Buffer equals a Uint8Array of the same bytes. */
export function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("hex") };
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(comparable);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, comparable(member)]));
}
