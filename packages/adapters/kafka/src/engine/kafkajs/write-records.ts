import type { ChangeCall } from "./broker-calls.ts";
import { encodeProduce, isPlain, PRODUCE_VERSION } from "./produce-request.ts";

/**
 * kafkajs 2.2.4 makes an encoder with 512 bytes of its own for each record and each header of it, and a Buffer for each number: most of what publishing cost. The producers
 * of this client write a request into one Buffer. What is compressed is still kafkajs's.
 */
export const writeRecords: ChangeCall = (create) => (given) => {
  const call = create(given);
  if (call.request.apiVersion !== PRODUCE_VERSION || !isPlain(given)) return call;
  const encode = async () => {
    const buffer = encodeProduce(given).slice();
    // As kafkajs looks at an encoder.
    return { buf: buffer, buffer };
  };
  return { ...call, request: { ...call.request, encode } };
};
