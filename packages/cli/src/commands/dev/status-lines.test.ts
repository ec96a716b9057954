import { once } from "node:events";
import { connect } from "node:net";
import { startEmulators } from "@waybill/emulators";
import { expect, it, onTestFinished } from "vitest";
import { statusOf } from "./status-lines.ts";

it("says how each runs just now, and nothing of what does not run", async () => {
  const emulators = await startEmulators({ only: ["service-bus", "event-grid", "storage"] });
  onTestFinished(() => emulators.close());
  const look = () =>
    statusOf(emulators, { brokers: ["localhost:9092"], stop: async () => undefined }).map((line) =>
      line.split(/ {2,}/),
    );
  const [queues, blobs] = [emulators.storage?.queueEndpoint, emulators.storage?.blobEndpoint].map(
    (url) => new URL(url ?? "").port,
  );
  expect(look()).toEqual([
    ["service-bus", `port ${emulators.serviceBus?.port}`, "0 connections"],
    ["event-grid", emulators.eventGrid?.endpoint, "answers"],
    ["storage", `ports ${queues}, ${blobs}`, "runs"],
    ["kafka", "localhost:9092", "not ours"],
  ]);
  // As an AMQP client begins: before that, the port does not know what it will speak.
  const socket = connect(emulators.serviceBus?.port ?? 0, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.write("AMQP\x03\x01\x00\x00");
  await once(socket, "data");
  await emulators.storage?.stop();
  expect(look().map(([, , state]) => state)).toEqual(["1 connection", "answers", "has ended", "not ours"]);
});
