import type { AttachRequest } from "../../amqp/attach-request.ts";
import type { OutgoingLink } from "../../amqp/outgoing-link.ts";
import { Described, long, timestamp } from "../../amqp/values.ts";
import type { Clock } from "../../clock.ts";
import type { Epoch } from "../conditions.ts";
import { withDeliveryAnnotations } from "../event-message.ts";
import type { StoredEvent } from "../log/segment.ts";
import type { Partition } from "../partition.ts";
import type { Reader, Readers } from "../readers.ts";
import { parseStartPosition, SELECTOR_FILTER } from "../start-position.ts";

const EPOCH = "com.microsoft:epoch";
const RECEIVER_NAME = "com.microsoft:receiver-name";
const RUNTIME_METRIC = "com.microsoft:enable-receiver-runtime-metric";
/** Deliveries are settled as they are sent, so that no tag is ever spoken of again. */
const TAG = Buffer.of(0);

/** A receiver of one partition. Throws when its position or its epoch is refused. */
export function acceptReceiver(
  request: AttachRequest,
  partition: Partition,
  readers: Readers,
  clock: Clock,
  onClosed: () => void,
): OutgoingLink {
  const filter = request.filter.get(SELECTOR_FILTER);
  const start = parseStartPosition(filter instanceof Described ? filter.value : filter);
  const wantsMetric = request.desiredCapabilities.includes(RUNTIME_METRIC);
  let next = partition.log.resolve(start);
  let link: OutgoingLink | undefined;
  const pump = () => {
    const { log } = partition;
    while (link !== undefined && link.credit > 0) {
      const event = log.read(next);
      if (event === undefined) return;
      next = event.sequenceNumber + 1;
      link.send(wantsMetric ? withMetric(event, partition, clock.now()) : event.bytes, TAG, true);
    }
  };
  const reader: Reader = {
    name: String(request.properties.get(RECEIVER_NAME) ?? "nil"),
    epoch: readEpoch(request.properties.get(EPOCH)),
    get next() {
      return next;
    },
    disconnect: (error) => link?.close(error),
  };
  readers.admit(reader);
  const unlisten = partition.onAppend(pump);
  link = request.acceptReceiver({
    onCredit: pump,
    onClosed: () => {
      link = undefined;
      unlisten();
      readers.leave(reader);
      onClosed();
    },
  });
  return link;
}

const readEpoch = (value: unknown): Epoch | undefined =>
  typeof value === "number" || typeof value === "bigint" ? value : undefined;

/** The event with what is known of the partition's end now. */
function withMetric({ bytes, headLength }: StoredEvent, { log: { last } }: Partition, now: number): Buffer {
  const known = new Map<string, unknown>([
    ["last_enqueued_sequence_number", long(last?.sequenceNumber ?? -1)],
    ["last_enqueued_offset", String(last?.offset ?? -1)],
    ["last_enqueued_time_utc", timestamp(last?.enqueuedAt ?? 0)],
    ["runtime_info_retrieval_time_utc", timestamp(now)],
  ]);
  return withDeliveryAnnotations(bytes, headLength, known);
}
