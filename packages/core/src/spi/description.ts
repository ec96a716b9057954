import type { ReceiverCapabilities, SenderCapabilities } from "./capabilities.ts";

/** What a topic's sender and one subscription's receiver will be able to do, known before either is opened. */
export interface Description {
  /** Of the topic. */
  readonly sender: SenderCapabilities;
  readonly receiver: ReceiverCapabilities;
  /** Of `returnTo`; absent where nothing reaches this subscription alone. */
  readonly returnSender?: SenderCapabilities | undefined;
  /** Where the broker would have had to be asked and could not be reached: what was taken for granted instead, as the end of a sentence. */
  readonly assumed?: string | undefined;
}
