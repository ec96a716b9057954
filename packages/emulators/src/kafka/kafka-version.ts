/** The versions known here, the default first: the newest 4.x, and the last line before 4.0. */
export const KAFKA_VERSIONS = ["4.4.0", "3.9.1"] as const;

/**
 * The full version behind what a person writes: `4`, `3.9` name the known one of that line, `4.1.1` is taken as it is. Without an
 * argument: the default. Throws a `RangeError` on anything else.
 */
export function kafkaVersion(asked: string = KAFKA_VERSIONS[0]): string {
  if (/^[3-9]\.\d+\.\d+$/.test(asked)) return asked;
  const known = KAFKA_VERSIONS.find((version) => version.startsWith(`${asked}.`));
  if (known !== undefined) return known;
  throw new RangeError(
    `${JSON.stringify(asked)} is no Kafka version known here. Write ${KAFKA_VERSIONS.join(", ")} or another full version from 3.9.0.`,
  );
}

/** 3 or 4: decides the logging library and the Java that the broker needs. */
export const majorOf = (version: string): number => Number.parseInt(version, 10);
