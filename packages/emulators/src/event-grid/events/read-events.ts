import type { IncomingHttpHeaders } from "node:http";
import { EventGridProblem } from "../problem.ts";
import type { EventAttributes, InputSchema } from "./accepted-event.ts";
import { checkCloudEvent } from "./cloud-event.ts";
import { type InputSchemaMapping, mapCustomEvent } from "./custom-event.ts";
import { checkEventGridEvent } from "./event-grid-event.ts";
import { parseJson } from "./parse-json.ts";
import type { TopicOfEvent } from "./topic-of-event.ts";

export interface PublishRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Intake {
  readonly schema: InputSchema;
  /** Of a CustomEventSchema. */
  readonly mapping?: InputSchemaMapping | undefined;
  readonly topicOf: TopicOfEvent;
  /** A CloudEvent names its topic too: that of a domain. */
  readonly sourceNamesTopic: boolean;
  readonly maxEvents: number;
  /** Of the refusal of more. */
  readonly tooManyStatus: number;
  /** Namespace topics refuse an event that has neither `data` nor `data_base64`. */
  readonly requiresData: boolean;
}

/** The events of one publish request, all of them valid; else a problem, and none is taken. */
export function readEvents(request: PublishRequest, intake: Intake): EventAttributes[] {
  const { mediaType, isUtf8 } = contentTypeOf(request.headers);
  if (!isUtf8) throw new EventGridProblem(400, "The body must be in UTF-8.");
  const { schema, mapping, topicOf } = intake;
  if (schema !== "CloudEventSchemaV1_0") {
    if (mediaType.startsWith("application/cloudevents")) throw nonConforming(intake);
    const value = parseBody(request.body);
    return numbered(Array.isArray(value) ? value : [value], intake, (event, at) =>
      schema === "CustomEventSchema" && mapping !== undefined
        ? mapCustomEvent(event, at, mapping, topicOf)
        : checkEventGridEvent(event, at, topicOf),
    );
  }
  const events = readCloudEvents(request, mediaType, intake);
  if (intake.sourceNamesTopic) for (const { source } of events) topicOf(source, "");
  if (intake.requiresData) {
    const bare = events.find(({ data, data_base64 }) => data === undefined && data_base64 === undefined);
    if (bare !== undefined) throw new EventGridProblem(400, "The event is invalid: the 'data' attribute is required.");
  }
  return events;
}

function readCloudEvents(request: PublishRequest, mediaType: string, intake: Intake): EventAttributes[] {
  const { headers, body } = request;
  if (mediaType === "application/cloudevents-batch+json") {
    const value = parseBody(body);
    if (!Array.isArray(value)) throw nonConforming(intake, " Token Expected: StartArray.");
    return numbered(value, intake, checkCloudEvent);
  }
  const isStructured = mediaType === "application/cloudevents+json";
  if (!isStructured && headers["ce-specversion"] !== undefined)
    return [checkCloudEvent(readBinary(request, mediaType), "")];
  if (!isStructured && mediaType !== "application/json" && mediaType !== "") throw nonConforming(intake);
  const value = parseBody(body);
  if (Array.isArray(value))
    throw nonConforming(intake, " Token Expected: StartObject, Actual Token Received: StartArray.");
  return [checkCloudEvent(value, "")];
}

function numbered(
  values: readonly unknown[],
  intake: Intake,
  check: (value: unknown, at: string) => EventAttributes,
): EventAttributes[] {
  if (values.length === 0) throw nonConforming(intake);
  if (values.length > intake.maxEvents)
    throw new EventGridProblem(
      intake.tooManyStatus,
      `The array has ${values.length} events; the limit is ${intake.maxEvents}.`,
    );
  return values.map((value, index) => check(value, ` at index ${index}`));
}

/** Binary mode: attributes are headers, the body is the data. */
function readBinary({ headers, body }: PublishRequest, mediaType: string): EventAttributes {
  const event: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith("ce-") && typeof value === "string") event[name.slice(3)] = percentDecoded(value);
  }
  if (mediaType === "") return body.length === 0 ? event : { ...event, data_base64: body.toString("base64") };
  event.datacontenttype = headers["content-type"];
  if (mediaType === "application/json" || mediaType.endsWith("+json")) event.data = parseBody(body);
  else if (mediaType.startsWith("text/")) event.data = decode(body);
  else event.data_base64 = body.toString("base64");
  return event;
}

function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch (error) {
    if (error instanceof URIError) return value;
    throw error;
  }
}

function contentTypeOf(headers: IncomingHttpHeaders): { readonly mediaType: string; readonly isUtf8: boolean } {
  const [type = "", ...parameters] = (headers["content-type"] ?? "").split(";");
  const charset = parameters.map((text) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/i.exec(text)?.[1]).find(Boolean);
  return {
    mediaType: type.trim().toLowerCase(),
    isUtf8: charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset) || !/json|text/i.test(type),
  };
}

function parseBody(body: Buffer): unknown {
  try {
    return parseJson(decode(body));
  } catch (error) {
    if (error instanceof SyntaxError) throw new EventGridProblem(400, "The body is no valid JSON.", "InputJsonInvalid");
    if (error instanceof RangeError)
      throw new EventGridProblem(400, "The body is nested too deeply.", "InputJsonInvalid");
    throw error;
  }
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (error) {
    if (error instanceof TypeError) throw new EventGridProblem(400, "The body is no valid UTF-8.");
    throw error;
  }
}

/** As the service calls them in its answers. */
const SCHEMAS = {
  CloudEventSchemaV1_0: "CloudEventV10",
  EventGridSchema: "EventGridEvent",
  CustomEventSchema: "CustomEvent",
} as const;

const nonConforming = ({ schema }: Intake, detail = "") =>
  new EventGridProblem(
    400,
    `This resource is configured to receive event in '${SCHEMAS[schema]}' schema. The JSON received does not conform to the expected schema.${detail}`,
    "InputJsonInvalid",
  );
