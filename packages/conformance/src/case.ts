import type { Stage } from "./stage.ts";

/** One rule of the SPI, or of core over it. */
export interface ConformanceCase {
  /** Stable: deviations and reports refer to it. `part: what holds`. */
  readonly name: string;
  /** Throws what does not hold; ends early by `stage.skip`. */
  run(stage: Stage): Promise<void>;
}
