import { MultiBar, Presets } from "cli-progress";

interface Counters {
  /** Flights written with their events. */
  readonly departed: number;
  readonly published: number;
  readonly processed: number;
}

export interface Progress {
  update(counters: Counters): void;
  note(line: string): void;
  stop(): void;
}

const LINE_EVERY_MS = 2_000;
const NAMES = ["departed", "published", "processed"] as const;

/** Bars on a terminal, now and then a line elsewhere, nothing with `silent`. All of it on standard error. */
export function showProgress(total: number, { silent }: { silent: boolean }): Progress {
  if (silent) return { update: () => undefined, note: () => undefined, stop: () => undefined };
  return process.stderr.isTTY ? bars(total) : lines(total);
}

function bars(total: number): Progress {
  const multi = new MultiBar(
    { format: "{name} {bar} {value}/{total}  {duration_formatted}", stream: process.stderr, hideCursor: true, fps: 8 },
    Presets.shades_classic,
  );
  const shown = NAMES.map((name) => multi.create(total, 0, { name: name.padEnd(10) }));
  return {
    update: (counters) => {
      for (const [index, name] of NAMES.entries()) shown[index]?.update(Math.min(total, counters[name]));
    },
    note: (line) => multi.log(`${line}\n`),
    stop: () => multi.stop(),
  };
}

function lines(total: number): Progress {
  const write = (line: string) => process.stderr.write(`${line}\n`);
  let lastAt = Number.NEGATIVE_INFINITY;
  let last = "";
  const show = (counters: Counters) => {
    const line = NAMES.map((name) => `${name} ${counters[name]}/${total}`).join(", ");
    if (line === last) return;
    last = line;
    lastAt = performance.now();
    write(line);
  };
  return {
    update: (counters) => {
      if (performance.now() - lastAt >= LINE_EVERY_MS) show(counters);
    },
    note: write,
    stop: () => undefined,
  };
}
