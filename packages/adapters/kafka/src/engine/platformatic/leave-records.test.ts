import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import * as library from "@platformatic/kafka";
import { expect, it, onTestFinished } from "vitest";
import { answer, batchBytes } from "./fetch-answer.test.fixture.ts";
import { UnreadRecords } from "./fetch-response.ts";
import { leaveRecords } from "./leave-records.ts";

/** Answers every request with the same fetched record. */
async function broker(): Promise<{ host: string; port: number }> {
  const records = batchBytes({ firstOffset: 0, messages: [{ key: Buffer.from("k"), value: Buffer.from("v") }] });
  const payload = answer([{ records }]);
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (request) => {
      // Its length, the request's number, and no tagged fields.
      const head = Buffer.alloc(9);
      head.writeInt32BE(5 + payload.length);
      request.copy(head, 4, 8, 12);
      socket.write(Buffer.concat([head, payload]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

async function fetched(leave: boolean) {
  const at = await broker();
  const client = new library.Consumer({ clientId: "c", groupId: "g", bootstrapBrokers: [at] });
  onTestFinished(() => client.close(true));
  if (leave) leaveRecords(library, client);
  const connection = await client.connections.get(at);
  const { responses } = await library.fetchV17.api.async(connection, 0, 1, 1, 0, 0, 0, [], [], "");
  return responses[0]!.partitions[0]!.records;
}

it("leaves the records of this client alone as they came", async () => {
  expect(await fetched(true)).toBeInstanceOf(UnreadRecords);
  expect(await fetched(false)).toMatchObject([{ firstOffset: 0n }]);
});
