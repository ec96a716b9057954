import type { ReceiverCapabilities, SenderCapabilities } from "./capabilities.ts";

/** What a topic's sender and one subscription's receiver will be able to do, known before either is opened. */
export interface Description {
  /** Of the topic. */
  readonly sender: SenderCapabilities;
  readonly receiver: ReceiverCapabilities;
  /** Of `returnTo`; absent where nothing reaches this subscription alone. */
  readonly returnSender?: SenderCapabilities | undefined;
}
