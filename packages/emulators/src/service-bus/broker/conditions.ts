import { AmqpError } from "../../amqp/amqp-error.ts";

/** The service's error conditions, one function each, so that every place says the same. */
export const notFound = (entity: string) =>
  new AmqpError("amqp:not-found", `The messaging entity '${entity}' could not be found.`);
export const messageLockLost = () =>
  new AmqpError(
    "com.microsoft:message-lock-lost",
    "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.",
  );
export const sessionLockLost = (sessionId: string) =>
  new AmqpError(
    "com.microsoft:session-lock-lost",
    `The lock on the session '${sessionId}' has expired or was taken away.`,
  );
export const sessionCannotBeLocked = (sessionId: string) =>
  new AmqpError(
    "com.microsoft:session-cannot-be-locked",
    `The requested session '${sessionId}' cannot be accepted. It may be locked by another receiver.`,
  );
export const noSession = () =>
  new AmqpError("com.microsoft:timeout", "No session became available within the time that was allowed.");
export const messageNotFound = (sequenceNumber: number | bigint) =>
  new AmqpError("com.microsoft:message-not-found", `No message with the sequence number ${sequenceNumber} is here.`);
export const notAllowed = (text: string) => new AmqpError("amqp:not-allowed", text);
export const tooLarge = (size: number, limit: number) =>
  new AmqpError(
    "amqp:link:message-size-exceeded",
    `The message is ${size} bytes; the limit currently allowed on the link is ${limit} bytes.`,
  );
export const headerTooLarge = (limit: number) =>
  new AmqpError(
    "amqp:link:message-size-exceeded",
    `A serialization error occurred while processing the message header stream: the size quota for this stream (${limit}) has been exceeded.`,
  );
/** The service's only word for a property that is too large. */
export const internalError = () =>
  new AmqpError("amqp:internal-error", "The service was unable to process the request; please retry the operation.");
/** The service takes bytes as body only, and calls a property of them too large. */
export const bytesProperty = () =>
  new AmqpError(
    "amqp:link:message-size-exceeded",
    "Serialization operation failed due to unsupported type System.Byte[].",
  );
export const quotaExceeded = (entity: string) =>
  new AmqpError("amqp:resource-limit-exceeded", `The maximum entity size of '${entity}' has been reached.`);
export const entityDisabled = (entity: string) =>
  new AmqpError("com.microsoft:entity-disabled", `The messaging entity '${entity}' is currently disabled.`);
export const entityExists = (entity: string) =>
  new AmqpError("com.microsoft:entity-already-exists", `The messaging entity '${entity}' already exists.`);
export const entityNotFound = (entity: string) =>
  new AmqpError("com.microsoft:entity-not-found", `The messaging entity '${entity}' could not be found.`);
export const argumentError = (text: string) => new AmqpError("com.microsoft:argument-error", text);
export const serverBusy = () =>
  new AmqpError(
    "com.microsoft:server-busy",
    "The request was terminated because the entity is being throttled. Error code : 50009. Please wait 10 seconds and try again.",
  );
