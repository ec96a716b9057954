import type { AttachReply, AttachRequest } from "../../amqp/attach-request.ts";
import { answerTo } from "../../amqp/delivery-state.ts";
import type { OutgoingLink } from "../../amqp/outgoing-link.ts";
import type { Consumer, MessageQueue } from "../broker/message-queue.ts";
import type { Lock, SessionHold, StoredMessage } from "../broker/stored-message.ts";
import { reorder } from "../lock-token.ts";
import { encodeStored } from "./deliver.ts";
import { toSettlement } from "./settlement.ts";

export interface ReceiveOptions {
  readonly session?: SessionHold;
  readonly reply?: AttachReply;
  readonly onClosed: () => void;
  readonly onActivity: () => void;
}

/** A receiver of a store, of one session of it when a session is given. */
export function acceptReceiver(request: AttachRequest, store: MessageQueue, options: ReceiveOptions): OutgoingLink {
  const receiveAndDelete = request.settled;
  const link: OutgoingLink = request.acceptReceiver(
    {
      onCredit: () => {
        options.onActivity();
        store.pump();
      },
      onDisposition: (tag, deliveryId, state, settled) => {
        const settlement = toSettlement(state);
        if (state === undefined || settlement === undefined) return;
        options.onActivity();
        const error = store.settle(reorder(tag).toString("hex"), settlement);
        if (!settled) link.settle(deliveryId, answerTo(state, error));
      },
      onClosed: () => {
        store.detach(consumer);
        options.onClosed();
      },
    },
    options.reply,
  );
  const consumer: Consumer = {
    get credit() {
      return link.credit;
    },
    receiveAndDelete,
    session: options.session,
    deliver: (message: StoredMessage, lock: Lock | undefined) => {
      options.onActivity();
      const tag = lock === undefined ? Buffer.alloc(16) : reorder(lock.token.bytes);
      link.send(encodeStored(message, { lockedUntil: lock?.until, lockToken: lock?.token }), tag, receiveAndDelete);
    },
  };
  store.attach(consumer);
  return link;
}
