import type { AmqpError } from "../../amqp/amqp-error.ts";
import type { Response } from "../../amqp/request-response.ts";
import { int, sym } from "../../amqp/values.ts";
import type { Address } from "../broker/address.ts";
import type { Broker } from "../broker/broker.ts";
import type { RequestBody } from "./request-body.ts";

export interface OperationContext {
  readonly broker: Broker;
  /** Of the node, without `$management`. */
  readonly address: Address;
  readonly body: RequestBody;
}

/** Answers with the body's fields; undefined is "no content", with a condition that the SDK wants to see beside it. Throws an AmqpError. */
export type Operation = (context: OperationContext) => ReadonlyMap<string, unknown> | undefined;

const STATUS: Readonly<Record<string, number>> = {
  "amqp:not-found": 404,
  "amqp:not-allowed": 400,
  "amqp:not-implemented": 501,
  "amqp:decode-error": 400,
  "amqp:resource-limit-exceeded": 403,
  "amqp:link:message-size-exceeded": 400,
  "com.microsoft:entity-not-found": 404,
  "com.microsoft:message-not-found": 404,
  "com.microsoft:entity-already-exists": 409,
  "com.microsoft:message-lock-lost": 410,
  "com.microsoft:session-lock-lost": 410,
  "com.microsoft:session-cannot-be-locked": 409,
  "com.microsoft:argument-error": 400,
  "com.microsoft:entity-disabled": 400,
  "com.microsoft:server-busy": 503,
};

const status = (code: number, text: string, condition?: string): ReadonlyMap<string, unknown> => {
  const properties = new Map<string, unknown>([
    ["statusCode", int(code)],
    ["statusDescription", text],
  ]);
  if (condition !== undefined) properties.set("errorCondition", sym(condition));
  return properties;
};

export const succeeded = (fields: ReadonlyMap<string, unknown> | undefined): Response =>
  fields === undefined
    ? { properties: status(204, "There are none.", "com.microsoft:message-not-found") }
    : { properties: status(200, "OK"), body: new Map(fields) };

export const failed = (error: AmqpError): Response => ({
  properties: status(STATUS[error.condition] ?? 500, error.message, error.condition),
});

export const NOTHING: ReadonlyMap<string, unknown> = new Map();
