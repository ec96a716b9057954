import { type Mutant, ofRow } from "../mutant.ts";

const PUBLISH = "test/integration/emulator-event-grid.test.ts";
const READ_EVENTS = "packages/emulators/src/event-grid/events/read-events.test.ts";
const FILTER = "packages/emulators/src/event-grid/filters/event-filter.test.ts";

/** What is published, and which subscription wants it. */
export const PUBLISHING: readonly Mutant[] = [
  ...ofRow("publish CloudEvents: one, batch, binary mode", [
    {
      does: "loses the data of binary mode",
      file: "event-grid/events/read-events.ts",
      find: `else event.data_base64 = body.toString("base64");`,
      replace: "",
      test: READ_EVENTS,
      name: "takes binary mode",
    },
    {
      does: "takes an attribute that CloudEvents forbids",
      file: "event-grid/events/cloud-event.ts",
      find: "if (!NAME.test(name))",
      replace: "if (false)",
      test: READ_EVENTS,
    },
    {
      does: "loses digits of long numbers",
      file: "event-grid/events/parse-json.ts",
      find: "if (!RISKY_NUMBER.test(text)) return JSON.parse(text);",
      replace: "return JSON.parse(text);",
      test: READ_EVENTS,
      name: "every digit",
    },
    {
      does: "takes both data and data_base64",
      file: "event-grid/events/cloud-event.ts",
      find: "if (event.data !== undefined) throw",
      replace: "if (false) throw",
      test: READ_EVENTS,
    },
    {
      does: "loses the extensions of a CloudEvent",
      file: "event-grid/events/accepted-event.ts",
      find: "json: JSON.stringify(attributes), publishedAt",
      replace: "json: JSON.stringify({ ...attributes, partitionkey: undefined }), publishedAt",
      test: PUBLISH,
      name: "takes CloudEvents with extensions",
    },
  ]),
  ...ofRow("publish the Event Grid schema", [
    {
      does: "does not stamp the topic",
      file: "event-grid/events/event-grid-event.ts",
      find: "topic: topicOf(topic, at), ",
      replace: "",
      test: PUBLISH,
      name: "takes the Event Grid schema",
    },
    {
      does: "takes CloudEvents in a topic of the other schema",
      file: "event-grid/events/read-events.ts",
      find: `if (mediaType.startsWith("application/cloudevents")) throw nonConforming(intake);`,
      replace: 'if (mediaType.startsWith("application/cloudevents")) return [];',
      test: PUBLISH,
      name: "takes the Event Grid schema",
    },
    {
      does: "takes an event that names another topic",
      file: "event-grid/events/topic-of-event.ts",
      find: `if (named === undefined || named === null || named === "" || named === topicId) return topicId;`,
      replace: "return topicId;",
      test: READ_EVENTS,
    },
  ]),
  ...ofRow("all of a batch or nothing", [
    {
      does: "takes what is valid, and says nothing of the rest",
      file: "event-grid/events/read-events.ts",
      find: "return values.map((value, index) => check(",
      replace:
        'const all = values.filter((value) => { try { return check(value, ""); } catch { return false; } });\n  return all.map((value, index) => check(',
      test: PUBLISH,
      name: "takes all of a batch or nothing",
    },
  ]),
  ...ofRow("filters: basic and advanced", [
    {
      does: "lets every type through",
      file: "event-grid/filters/event-filter.ts",
      find: "if (types !== undefined &&",
      replace: "if (false && types !== undefined &&",
      test: PUBLISH,
      name: "give each subscription its own events",
    },
    {
      does: "does not look at advanced filters",
      file: "event-grid/filters/event-filter.ts",
      find: "return (filter.advancedFilters ?? []).every(",
      replace: "return [].every(",
      test: PUBLISH,
      name: "give each subscription its own events",
    },
    {
      does: "does not look at the end of a subject",
      file: "event-grid/filters/event-filter.ts",
      find: 'if (!subject.endsWith(fold(filter.subjectEndsWith ?? ""))) return false;',
      replace: "",
      test: FILTER,
    },
    {
      does: "compares subjects with case though not asked",
      file: "event-grid/filters/event-filter.ts",
      find: "filter.isSubjectCaseSensitive === true ?",
      replace: "true ?",
      test: FILTER,
    },
    {
      does: "refuses an event without the key of a negated filter",
      file: "event-grid/filters/advanced-filter.ts",
      find: "if (isAbsent) return MATCH_WHEN_ABSENT.has(filter.operatorType);",
      replace: "if (isAbsent) return false;",
      test: FILTER,
    },
    {
      does: "looks into arrays unasked",
      file: "event-grid/filters/advanced-filter.ts",
      find: "if (Array.isArray(field) && !inArrays) return false;",
      replace: "",
      test: FILTER,
    },
    {
      does: "takes the ends of a range for outside",
      file: "event-grid/filters/advanced-filter.ts",
      find: "value >= low && value <= high",
      replace: "value > low && value < high",
      test: FILTER,
    },
    {
      does: "creates a subscription with more than 25 values",
      file: "event-grid/filters/advanced-filter.ts",
      find: "if (values > MAX_FILTERS)",
      replace: "if (false)",
      test: FILTER,
      name: "refuses what the service does not create",
    },
    {
      does: "does not know the service's names",
      file: "event-grid/filters/event-field.ts",
      find: `eventtype: "type",`,
      replace: "",
      test: FILTER,
    },
  ]),
];
