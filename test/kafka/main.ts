import { parseArgs } from "node:util";
import { findJava, KAFKA_VERSIONS, kafkaJars, kafkaVersion, startKafka } from "@waybill/emulators/kafka";
import { testedVersion } from "./test-kafka.ts";

const USAGE = `Usage: node --conditions=waybill-source test/kafka/main.ts start [--version 4|3.9|x.y.z] [--data DIR] [--port N]
       node --conditions=waybill-source test/kafka/main.ts fetch [--version 4|3.9|x.y.z]

start prints the broker's address and runs until Ctrl-C. fetch gets the jars (of every version tested, without --version)
and prints their folders.`;

async function start(
  version: string | undefined,
  dataDir: string | undefined,
  port: number | undefined,
): Promise<void> {
  const asked = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, resolve);
  });
  const kafka = await startKafka({ version: version ?? testedVersion(), dataDir, port });
  console.log(kafka.brokers.join(","));
  console.error(`Apache Kafka ${kafka.version}, process ${kafka.pid}. Ctrl-C stops it.`);
  // The broker keeps nobody alive; this does.
  const stay = setInterval(() => undefined, 60_000);
  await asked;
  clearInterval(stay);
  await kafka.stop();
}

async function fetchJars(asked: string | undefined): Promise<void> {
  for (const version of asked === undefined ? KAFKA_VERSIONS : [kafkaVersion(asked)]) {
    await findJava(version);
    console.log(await kafkaJars(version));
  }
}

try {
  const string = { type: "string" } as const;
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { version: string, data: string, port: string },
  });
  const port = values.port === undefined ? undefined : Number(values.port);
  const isPort = port === undefined || (Number.isInteger(port) && port > 0 && port < 65_536);
  if (positionals.join() === "start" && isPort) await start(values.version, values.data, port);
  else if (positionals.join() === "fetch") await fetchJars(values.version);
  else throw new RangeError(USAGE);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = error instanceof RangeError || error instanceof TypeError ? 2 : 1;
}
