import { writeFile } from "node:fs/promises";
import type { Emulators } from "@waybill/emulators";
import type { Action } from "../../action.ts";
import { EXIT } from "../../exit-codes.ts";
import { writeCertificate } from "./certificate.ts";
import { configText } from "./config-text.ts";
import { connectionsOf } from "./connections.ts";
import { type Entities, type EntityFiles, readEntities } from "./entities.ts";
import { ENVIRONMENT_HEAD, environmentText, variablesOf } from "./environment.ts";
import { type DevKafka, givenBrokers, type KafkaWishes, startDevKafka, wantsKafka } from "./kafka.ts";
import { type DevName, EMULATORS } from "./names.ts";
import { checkOwnFile, writeOnce } from "./own-file.ts";
import { stayUp } from "./stay-up.ts";

export interface DevOptions extends EntityFiles, KafkaWishes {
  readonly only?: readonly DevName[];
  readonly data?: string;
  readonly host?: string;
  /** A port; default: a free one. */
  readonly control?: number;
  readonly envOut?: string;
  readonly configOut?: string;
  readonly certificateOut?: string;
}

/** What was started. */
interface Started {
  readonly emulators: Emulators;
  readonly kafka: DevKafka | undefined;
}

const NOT_A_SERVICE = "Stand-ins for development and tests, not a service: whoever reaches a port may send and read.";

/** Starts what is wanted, says how to reach it, and stays up until a signal comes. */
export const dev =
  (options: DevOptions, write: (text: string) => void): Action =>
  async (session) => {
    const { output, json } = session;
    const { envOut, configOut } = options;
    const brokers = wantsKafka(options) ? givenBrokers(process.env) : undefined;
    const entities = await readEntities(options);
    if (envOut !== undefined) await checkOwnFile(envOut, ENVIRONMENT_HEAD);
    output.note(NOT_A_SERVICE);

    const began = performance.now();
    const given: DevKafka | undefined = brokers && { brokers, stop: async () => undefined };
    const { emulators, kafka } = await startAll(options, entities, given, (text) => output.note(text));
    try {
      const certificate = await writeCertificate(emulators, options.certificateOut);
      const connections = connectionsOf(emulators, kafka?.brokers);
      const environment = environmentText(variablesOf(connections, certificate));
      const config = configText(connections);
      if (envOut !== undefined) await writeFile(envOut, environment);
      if (configOut !== undefined && !(await writeOnce(configOut, config)))
        output.note(`${configOut} exists and stays as it is.`);
      if (json) write(`${JSON.stringify(connections)}\n`);
      else write([...(envOut ? [] : [environment]), ...(configOut ? [] : [config])].join("\n"));
      output.note(`Ready after ${((performance.now() - began) / 1_000).toFixed(1)} s. Ctrl-C stops it.`);
      await stayUp(session, emulators, kafka);
      output.note("Stopping.");
    } finally {
      await stopAll([emulators, kafka]);
    }
    output.note("Stopped.");
    return EXIT.ok;
  };

/** All side by side. When one does not start, the others are stopped again. */
async function startAll(
  options: DevOptions,
  entities: Entities,
  given: DevKafka | undefined,
  note: (text: string) => void,
): Promise<Started> {
  const { startEmulators } = await import("@waybill/emulators");
  const { only } = options;
  const starting = [
    startEmulators({
      only: EMULATORS.filter((name) => only?.includes(name) ?? true),
      dataDir: options.data,
      host: options.host,
      tls: options.certificateOut !== undefined,
      control: options.control ?? true,
      ...entities,
    }),
    given ?? (wantsKafka(options) ? startDevKafka(options, note) : undefined),
  ] as const;
  try {
    const [emulators, kafka] = await Promise.all(starting);
    return { emulators, kafka };
  } catch (error) {
    const [emulators, kafka] = await Promise.allSettled(starting);
    // Why one did not start says more than why another did not stop.
    await stopAll([
      emulators.status === "fulfilled" ? emulators.value : undefined,
      kafka.status === "fulfilled" ? kafka.value : undefined,
    ]).catch(() => undefined);
    throw error;
  }
}

async function stopAll([emulators, kafka]: readonly [Emulators | undefined, DevKafka | undefined]): Promise<void> {
  const stopped = await Promise.allSettled([emulators?.close(), kafka?.stop()]);
  const failed = stopped.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
