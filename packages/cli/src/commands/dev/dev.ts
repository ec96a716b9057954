import { writeFile } from "node:fs/promises";
import { EXIT } from "../../exit-codes.ts";
import type { Action } from "../../run.ts";
import { writeCertificate } from "./certificate.ts";
import { configText } from "./config-text.ts";
import { connectionsOf } from "./connections.ts";
import { type EntityFiles, readEntities } from "./entities.ts";
import { ENVIRONMENT_HEAD, environmentText, variablesOf } from "./environment.ts";
import { kafkaBrokers, NO_KAFKA } from "./kafka-brokers.ts";
import { type DevName, EMULATORS } from "./names.ts";
import { checkOwnFile, writeOnce } from "./own-file.ts";
import { stayUp } from "./stay-up.ts";

export interface DevOptions extends EntityFiles {
  readonly only?: readonly DevName[];
  readonly data?: string;
  readonly host?: string;
  readonly envOut?: string;
  readonly configOut?: string;
  readonly certificateOut?: string;
}

const NOT_A_SERVICE = "Stand-ins for development and tests, not a service: whoever reaches a port may send and read.";

/** Starts what is wanted, says how to reach it, and stays up until a signal comes. */
export const dev =
  (options: DevOptions, write: (text: string) => void): Action =>
  async (session) => {
    const { output, json } = session;
    const { only, envOut, configOut } = options;
    const kafka = kafkaBrokers(process.env, only);
    const entities = await readEntities(options);
    if (envOut !== undefined) await checkOwnFile(envOut, ENVIRONMENT_HEAD);
    output.note(NOT_A_SERVICE);
    if (kafka === undefined && only === undefined) output.note(NO_KAFKA);

    const began = performance.now();
    const { startEmulators } = await import("@waybill/emulators");
    const emulators = await startEmulators({
      only: EMULATORS.filter((name) => only?.includes(name) ?? true),
      dataDir: options.data,
      host: options.host,
      ...entities,
      serviceBus: { ...entities.serviceBus, tls: options.certificateOut !== undefined },
    });
    try {
      const certificate = await writeCertificate(emulators.serviceBus, options.certificateOut);
      const connections = connectionsOf(emulators, kafka);
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
      await emulators.close();
    }
    output.note("Stopped.");
    return EXIT.ok;
  };
