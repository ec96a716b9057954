/** A value that a CloudEvents attribute can have. On a wire without types it is its canonical string. */
export type AttributeValue = string | number | boolean;

/**
 * A CloudEvents 1.0 event as a handler sees it: attributes and extensions flat, as in the CloudEvents JSON format.
 * The extensions that Waybill and its brokers use are named here; read any other with {@link extension}.
 */
export interface CloudEvent<T = unknown, Type extends string = string> {
  readonly specversion: "1.0";
  /** Unique with `source`: together they are what the inbox remembers. */
  readonly id: string;
  readonly source: string;
  readonly type: Type;
  readonly subject?: string;
  /** RFC 3339. */
  readonly time?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly data: T;
  /** What decides the order: events of one key are handled in publish order where the broker can. */
  readonly partitionkey?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly correlationid?: string;
  readonly causationid?: string;
  readonly dataref?: string;
  /** RFC 3339: worthless afterwards. */
  readonly expirytime?: string;
}

/** A CloudEvent without a schema: any extension may stand beside the attributes, `data` may be absent. */
export type RawCloudEvent = Omit<CloudEvent, "data"> & {
  readonly data?: unknown;
  readonly [extension: string]: unknown;
};

/** Reads an extension attribute that {@link CloudEvent} does not name. */
export function extension(event: CloudEvent | RawCloudEvent, name: string): AttributeValue | undefined {
  return Object.hasOwn(event, name) ? (event as unknown as Record<string, AttributeValue>)[name] : undefined;
}
