import { type Receiver, unlessAborted } from "@waybill/core/spi";
import { receiverCapabilities } from "./capabilities.ts";
import { kafkaErrors } from "./errors.ts";

const PAUSE_MS = 500;

export interface OnceThereOptions {
  readonly isThere: () => Promise<boolean>;
  readonly open: () => Promise<Receiver>;
  readonly returnTo: string | undefined;
}

/** Reads a topic that is made with the first message for it, and makes none: until it is there, nothing comes. */
export function onceThere({ isThere, open, returnTo }: OnceThereOptions): Receiver {
  let opening: Promise<Receiver> | undefined;
  let closed = false;
  const opened = async (): Promise<Receiver | undefined> => {
    if (opening === undefined && (!(await isThere()) || closed)) return undefined;
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  return {
    capabilities: receiverCapabilities,
    returnTo,
    async receive(want, signal) {
      if (closed) throw kafkaErrors.WB_KAFKA_CLOSED({ what: "receiver" });
      const receiver = await unlessAborted(opened(), signal);
      if (receiver !== undefined) return closed ? [] : receiver.receive(want, signal);
      await unlessAborted(new Promise((resolve) => setTimeout(resolve, PAUSE_MS).unref()), signal);
      return [];
    },
    async settle(settlements, signal) {
      if (opening === undefined) throw kafkaErrors.WB_KAFKA_CLOSED({ what: "receiver" });
      return (await opening).settle(settlements, signal);
    },
    async close() {
      closed = true;
      const receiver = await opening?.catch(() => undefined);
      await receiver?.close();
    },
  };
}
