import { counted } from "@waybill/core/spi";
import type { Emulators } from "@waybill/emulators";
import { MultiBar } from "cli-progress";
import type { Session } from "../../session.ts";
import type { DevKafka } from "./kafka.ts";

/** How each runs just now, a line each. */
export function statusOf(emulators: Partial<Emulators>, kafka: DevKafka | undefined): string[] {
  const { serviceBus, eventHubs, eventGrid, storage } = emulators;
  const lines: string[] = [];
  const say = (name: string, address: string, what: string) =>
    lines.push(`${name.padEnd(12)} ${address.padEnd(30)} ${what}`);
  if (serviceBus) say("service-bus", `port ${serviceBus.port}`, connections(serviceBus.control.connectionCount));
  if (eventHubs) say("event-hubs", `port ${eventHubs.port}`, connections(eventHubs.control.connectionCount));
  if (eventGrid) say("event-grid", eventGrid.endpoint, "answers");
  if (storage)
    say(
      "storage",
      `ports ${portOf(storage.queueEndpoint)}, ${portOf(storage.blobEndpoint)}`,
      isRunning(storage.pid) ? "runs" : "has ended",
    );
  if (kafka)
    say(
      "kafka",
      kafka.brokers.join(","),
      kafka.pid === undefined ? "not ours" : isRunning(kafka.pid) ? "runs" : "has ended",
    );
  return lines;
}

const connections = (count: number) => counted(count, "connection");
const portOf = (url = "") => new URL(url).port;

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Keeps a line for each on standard error where a person looks at it; nothing for scripts. */
export function showStatus(
  { json, options }: Session,
  look: () => readonly string[],
): { update(): void; stop(): void } {
  if (json || options.quiet || !process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  // Signals are the session's.
  const bars = new MultiBar({
    format: "{text}",
    stream: process.stderr,
    clearOnComplete: true,
    gracefulExit: false,
    fps: 2,
  });
  const lines = look().map((text) => bars.create(1, 0, { text }));
  return {
    update: () => {
      for (const [index, text] of look().entries()) lines[index]?.update({ text });
    },
    stop: () => bars.stop(),
  };
}
