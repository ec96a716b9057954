/** The door for tests: nothing here belongs into a running service. */

export { ManualClock } from "./manual-clock.ts";
export { createSpy, type Happening, type Spy, type SpyRecord } from "./spy.ts";
