import type { Emulators } from "@waybill/emulators";
import { cliErrors } from "../../cli-errors.ts";
import type { Session } from "../../session.ts";
import type { DevKafka } from "./kafka.ts";
import { isRunning, showStatus, statusOf } from "./status-lines.ts";

const LOOK_MS = 500;

/** Resolves when a signal comes or the reader of the output is gone; rejects when a process that was started, Azurite or Kafka, ends by itself. */
export async function stayUp(session: Session, emulators: Emulators, kafka: DevKafka | undefined): Promise<void> {
  const stop = AbortSignal.any([session.shutdown.signal, session.output.readerGone]);
  const status = showStatus(session, () => statusOf(emulators, kafka));
  const ended = Promise.withResolvers<void>();
  const { storage } = emulators;
  const look = setInterval(() => {
    status.update();
    const problem =
      storage !== undefined && !isRunning(storage.pid)
        ? "Azurite has ended, and with it the queues and blobs."
        : kafka?.pid !== undefined && !isRunning(kafka.pid)
          ? "Kafka has ended."
          : undefined;
    if (problem !== undefined) ended.reject(cliErrors.WB_CLI_UNEXPECTED({ problem }));
  }, LOOK_MS);
  stop.addEventListener("abort", () => ended.resolve());
  if (stop.aborted) ended.resolve();
  try {
    await ended.promise;
  } finally {
    clearInterval(look);
    status.stop();
  }
}
