import { cpus, totalmem } from "node:os";

/** One figure of a benchmark. */
export interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What is aimed at; absent for a figure that only explains another. */
  readonly aim?: number;
  readonly higherIsBetter: boolean;
}

export interface BenchOptions {
  /** A tenth of the events: for a quick look, and to see that the benchmark still runs. */
  readonly quick: boolean;
  /** The largest sizes too, which take minutes. */
  readonly full: boolean;
  /** Parts of the benchmark, where it has some; none: all. */
  readonly only: readonly string[];
  readonly progress: (line: string) => void;
}

export function machine() {
  const [cpu] = cpus();
  return {
    node: process.version,
    cpu: cpu?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/**
 * Takes away the garbage of what ran before. A full collection would also throw away the code compiled for objects none of which lives at that
 * moment, which a service at work keeps.
 */
export function collectGarbage(): void {
  globalThis.gc?.({ type: "minor" });
}

/** Median rate of `rounds` runs of `run`, which handles `events` each time; one more goes first to warm up. */
export async function rate(rounds: number, events: number, run: () => Promise<void>): Promise<number> {
  await run();
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    collectGarbage();
    const started = performance.now();
    await run();
    rates.push((events / (performance.now() - started)) * 1_000);
  }
  return Math.round(median(rates));
}
