import { kafkaErrors } from "../../errors.ts";
import type { ChangeCall } from "./broker-calls.ts";
import { decodeFetchResponse, FETCH_VERSION } from "./fetch-response.ts";

/** What kafkajs asks a broker to fetch. */
interface Fetch {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string }[];
  }[];
}

/**
 * kafkajs 2.2.4 decodes every record of a fetch at once into some 30 objects, which takes it longer than all else that it does and lives until the record's turn comes. The
 * consumers of this client leave records as they came. And where the broker does not have the position that was asked for, they end: kafkajs would commit another for the group and
 * go on there, while records from before may be in hand still.
 */
export const leaveRecords: ChangeCall = (create) => (given) => {
  const { request, response } = create(given);
  const decode = request.apiVersion === FETCH_VERSION ? decodeFetchResponse : response.decode;
  const parse = async (decoded: unknown) => {
    try {
      return await response.parse(decoded);
    } catch (error) {
      throw isOutOfRange(error) ? gapAt(error, given) : error;
    }
  };
  return { request, response: { ...response, decode, parse } };
};

interface OutOfRange {
  readonly topic: string;
  readonly partition: number;
}

const isOutOfRange = (error: unknown): error is OutOfRange =>
  (error as { name?: unknown }).name === "KafkaJSOffsetOutOfRange";

/** Not to be tried again, which kafkajs looks for. */
function gapAt({ topic, partition }: OutOfRange, { topics }: Fetch): Error {
  const asked = topics.flatMap((one) => (one.topic === topic ? one.partitions : []));
  const expected = asked.find((one) => one.partition === partition)?.fetchOffset ?? "?";
  return Object.assign(kafkaErrors.WB_KAFKA_GAP({ lane: `${topic}/${partition}`, expected }), { retriable: false });
}
