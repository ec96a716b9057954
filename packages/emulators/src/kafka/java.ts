import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { KafkaUnavailable } from "./kafka-unavailable.ts";
import { majorOf } from "./kafka-version.ts";

const run = promisify(execFile);

/** Kafka 4 brokers need Java 17; 3.9 runs on 11 as well. */
const neededJava = (version: string) => (majorOf(version) >= 4 ? 17 : 11);

/** The `java` to run that version with: of `JAVA_HOME`, else of the PATH. Rejects with `KafkaUnavailable` when there is none fit. */
export async function findJava(version: string): Promise<string> {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, "bin", "java") : "java";
  const needed = neededJava(version);
  const { stderr } = await run(java, ["-version"]).catch((error: NodeJS.ErrnoException) => {
    throw new KafkaUnavailable(`Kafka ${version} needs Java ${needed}, and \`${java}\` did not run (${error.code}).`);
  });
  const found = Number(/version "(\d+)/.exec(stderr)?.[1]);
  if (found >= needed) return java;
  throw new KafkaUnavailable(
    `Kafka ${version} needs Java ${needed}, and \`${java}\` is Java ${found || "of no version"}.`,
  );
}
