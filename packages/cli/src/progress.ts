import { Presets, SingleBar } from "cli-progress";
import type { Session } from "./session.ts";

export interface Progress {
  update(at: { done: number; skipped: number }): void;
  stop(): void;
}

/** A bar on standard error where a person looks at it; nothing for scripts. Without a known end it only counts. */
export function showProgress({ json, options }: Session, max: number | undefined): Progress {
  if (json || options.quiet || !process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const format = max === undefined ? "{value} done, {skipped} left" : "{bar} {value}/{total}, {skipped} left";
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true }, Presets.shades_classic);
  bar.start(max ?? 0, 0, { skipped: 0 });
  return {
    update: ({ done, skipped }) => bar.update(done, { skipped }),
    stop: () => bar.stop(),
  };
}
