import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";

const ANSWER_MS = 30_000;
const PAUSE_MS = 50;

/**
 * The log line says that the server is up; this says that a client can use it: it describes itself, and leads every partition that it has.
 * (A broker that comes back over its old data says that it is up a moment before it leads them again.) Rejects with the client's error
 * when that is not so within 30 s.
 */
export async function untilItAnswers(port: number, advertisedPort: number): Promise<void> {
  const until = performance.now() + ANSWER_MS;
  for (;;) {
    try {
      await ask(port, advertisedPort);
      return;
    } catch (error) {
      if ((error as { retriable?: boolean }).retriable !== true || performance.now() > until) throw error;
    }
    await pause(PAUSE_MS);
  }
}

/** kafkajs 2.2.4 arms a timer in the past for every request, and Node warns of it on stderr (kafkajs #1751): none where nothing waits. */
function stopIdleTimer(): void {
  const { prototype } = createRequire(import.meta.url)("kafkajs/src/network/requestQueue") as {
    prototype: { pending: readonly unknown[]; scheduleCheckPendingRequests(): void };
  };
  const original = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleIfNeeded(this: typeof prototype) {
    if (this.pending.length > 0) original.call(this);
  };
}

/** With a client of its own each time: kafkajs keeps the leaders that it once saw. */
async function ask(port: number, advertisedPort: number): Promise<void> {
  // Loaded here: whoever starts only the other emulators waits for no Kafka client.
  const { Kafka, logLevel } = (await import("kafkajs")).default;
  stopIdleTimer();
  const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 10 };
  const admin = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, retry }).admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    const found = brokers[0]?.port;
    if (found !== advertisedPort)
      throw new Error(`Port ${port} is answered by another broker, the one of port ${found}.`);
    for (const topic of await admin.listTopics()) await admin.fetchTopicOffsets(topic);
  } finally {
    await admin.disconnect();
  }
}
