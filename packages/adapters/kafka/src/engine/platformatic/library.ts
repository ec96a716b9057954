import { kafkaErrors } from "../../errors.ts";

export type Library = typeof import("@platformatic/kafka");

/** Loads `@platformatic/kafka`, which users of kafkajs need not have. */
export async function loadLibrary(): Promise<Library> {
  try {
    return await import("@platformatic/kafka");
  } catch (error) {
    const { code } = error as { code?: unknown };
    const problem =
      code === "ERR_MODULE_NOT_FOUND"
        ? "its package @platformatic/kafka is not installed"
        : `its package did not load on Node ${process.versions.node}`;
    throw kafkaErrors.WB_KAFKA_ENGINE({ engine: "platformatic", problem }, error);
  }
}
