import { AmqpError } from "../../amqp/amqp-error.ts";
import { RequestResponse } from "../../amqp/request-response.ts";
import type { Address } from "../broker/address.ts";
import type { Broker } from "../broker/broker.ts";
import { serverBusy } from "../broker/conditions.ts";
import type { Throttle } from "../links/send-link.ts";
import { renewLocks, updateDisposition } from "./lock-operations.ts";
import {
  cancelScheduledMessages,
  deleteBatch,
  peekMessages,
  receiveBySequenceNumber,
  scheduleMessages,
} from "./message-operations.ts";
import { failed, type Operation, succeeded } from "./operation.ts";
import { RequestBody } from "./request-body.ts";
import { addRule, enumerateRules, removeRule } from "./rule-operations.ts";
import { getMessageSessions, getSessionState, renewSessionLock, setSessionState } from "./session-operations.ts";

const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ["com.microsoft:peek-message", peekMessages],
  ["com.microsoft:renew-lock", renewLocks],
  ["com.microsoft:update-disposition", updateDisposition],
  ["com.microsoft:receive-by-sequence-number", receiveBySequenceNumber],
  ["com.microsoft:schedule-message", scheduleMessages],
  ["com.microsoft:cancel-scheduled-message", cancelScheduledMessages],
  ["com.microsoft:batch-delete-messages", deleteBatch],
  ["com.microsoft:renew-session-lock", renewSessionLock],
  ["com.microsoft:get-session-state", getSessionState],
  ["com.microsoft:set-session-state", setSessionState],
  ["com.microsoft:get-message-sessions", getMessageSessions],
  ["com.microsoft:add-rule", addRule],
  ["com.microsoft:remove-rule", removeRule],
  ["com.microsoft:enumerate-rules", enumerateRules],
]);

/** The `$management` node of an entity. */
export function managementNode(broker: Broker, address: Address, throttle: Throttle): RequestResponse {
  return new RequestResponse((request) => {
    try {
      if (throttle.isBusy) throw serverBusy();
      const operation = OPERATIONS.get(request.operation);
      if (operation === undefined)
        throw new AmqpError("amqp:not-implemented", `The operation '${request.operation}' is not known here.`);
      broker.touch(broker.resolve(address));
      return succeeded(operation({ broker, address, body: new RequestBody(request.body) }));
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      return failed(error);
    }
  });
}
