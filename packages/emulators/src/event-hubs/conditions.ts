import { AmqpError } from "../amqp/amqp-error.ts";

/** The service's error conditions, one function each, so that every place says the same. */
export const notFound = (path: string) =>
  new AmqpError("amqp:not-found", `The messaging entity '${path}' could not be found.`);
export const invalidPartition = (partitionCount: number) =>
  new AmqpError(
    "com.microsoft:argument-out-of-range",
    `The specified partition is invalid for an EventHub partition sender or receiver. It should be between 0 and ${partitionCount - 1}.`,
  );
export const invalidAddress = (path: string) =>
  new AmqpError("amqp:not-allowed", `'${path}' is no address of an event hub, of a partition or of a consumer group.`);
export const positionBeyondEnd = (what: "offset" | "sequence number", asked: string, last: string) =>
  new AmqpError(
    "com.microsoft:argument-error",
    `The supplied ${what} '${asked}' is invalid. The last ${what} in the system is '${last}'.`,
  );
export const invalidFilter = (text: string) =>
  new AmqpError("amqp:invalid-field", `The filter '${text}' names no position in a partition.`);
export const argumentError = (text: string) => new AmqpError("com.microsoft:argument-error", text);
export const argumentOutOfRange = (text: string) => new AmqpError("com.microsoft:argument-out-of-range", text);
export const outOfSequence = (expected: number, sent: number) =>
  new AmqpError(
    "com.microsoft:out-of-order-sequence",
    `The batch begins with the producer sequence number ${sent}, and ${expected} is the next one of its producer group.`,
  );
export const producerDisplaced = (epoch: number, held: number) =>
  new AmqpError(
    "com.microsoft:producer-epoch-stolen",
    `A producer of the same group with the higher epoch ${held} publishes to this partition; one with the epoch ${epoch} may not any more.`,
  );
export const tooLarge = (limit: number) =>
  new AmqpError(
    "amqp:link:message-size-exceeded",
    `The received message exceeds the limit (${limit} bytes) currently allowed on the link.`,
  );
export const serverBusy = () =>
  new AmqpError(
    "com.microsoft:server-busy",
    "The request was terminated because the namespace is being throttled. Error code : 50002. Please wait 4 seconds and try again.",
  );

export type Epoch = number | bigint;

export const displaced = (newcomer: string, newEpoch: Epoch, reader: string, epoch: Epoch | undefined) =>
  new AmqpError(
    "amqp:link:stolen",
    `New receiver '${newcomer}' with higher epoch of '${newEpoch}' is created hence current receiver '${reader}' with epoch '${epoch ?? "nil"}' is getting disconnected. If you are recreating the receiver, make sure a higher epoch is used.`,
  );
export const lowerEpoch = (holder: string, held: Epoch, newcomer: string, epoch: Epoch) =>
  new AmqpError(
    "amqp:link:stolen",
    `Receiver '${holder}' with a higher epoch '${held}' already exists. Receiver '${newcomer}' with epoch ${epoch} cannot be created. Make sure you are creating receiver with increasing epoch value to ensure connectivity, or ensure all old epoch receivers are closed or disconnected.`,
  );
export const epochExists = (held: Epoch) =>
  new AmqpError(
    "amqp:link:stolen",
    `At least one receiver for the endpoint is created with epoch of '${held}', and so non-epoch receiver is not allowed. Either reconnect with a higher epoch, or make sure all epoch receivers are closed or disconnected.`,
  );
export const tooManyReaders = (limit: number, names: readonly string[]) =>
  new AmqpError(
    "amqp:resource-limit-exceeded",
    `Exceeded the maximum number of allowed receivers per partition in a consumer group which is ${limit}. List of connected receivers - ${names.join(", ")}.`,
  );
