import type { Kafka } from "kafkajs";
import { changeCalls } from "./broker-calls.ts";
import { decodeFetchResponse, FETCH_VERSION } from "./fetch-response.ts";

/**
 * kafkajs 2.2.4 decodes every record of a fetch at once into some 30 objects, which takes it longer than all else that it does and lives until the record's turn comes. The
 * consumers of this client leave records as they came.
 */
export function leaveRecords(kafka: Kafka): void {
  changeCalls(kafka, "fetch", (create) => (given) => {
    const call = create(given);
    if (call.request.apiVersion !== FETCH_VERSION) return call;
    return { ...call, response: { ...call.response, decode: decodeFetchResponse } };
  });
}
