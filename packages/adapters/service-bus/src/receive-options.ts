import { type ServiceBusClient, ServiceBusError, type ServiceBusReceiver } from "@azure/service-bus";
import type { ReadPlace } from "./entity-names.ts";

/** Bytes stay bytes and times stay times; locks are renewed by core, by token: the SDK's renewer goes by message id, which two may share. */
export const RECEIVE_OPTIONS = {
  receiveMode: "peekLock",
  maxAutoLockRenewalDurationInMs: 0,
  skipParsingBodyAsJson: true,
  skipConvertingDate: true,
} as const;

export type Place = Pick<ReadPlace, "entity" | "subscription" | "label"> & { readonly dead?: boolean };

/** No I/O. */
export function createSdkReceiver(client: ServiceBusClient, { entity, subscription, dead }: Place): ServiceBusReceiver {
  // The SDK deletes from the object that it is given.
  const options = { ...RECEIVE_OPTIONS, ...(dead === true ? { subQueueType: "deadLetter" as const } : {}) };
  return subscription === undefined
    ? client.createReceiver(entity, options)
    : client.createReceiver(entity, subscription, options);
}

/** The SDK's only word for a session that was granted and lost again before it could look at it. */
const LOST_AT_ONCE = "INTERNAL ERROR: failed to create receiver but without an error.";

/** Nobody has work: no free session within the time that was waited, or none that lasted. */
export function isNoSession(error: unknown): boolean {
  if (!(error instanceof ServiceBusError)) return error instanceof Error && error.message === LOST_AT_ONCE;
  return (
    error.code === "ServiceTimeout" || error.code === "SessionCannotBeLocked" || error.message.endsWith(LOST_AT_ONCE)
  );
}
