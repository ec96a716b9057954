import type { RetryStep } from "@waybill/core";

const WAY = { "in-place": "in the consumer", release: "by the broker", copy: "as a delayed copy" } as const;

/** `200ms 400ms in the consumer, 2s by the broker`; steps that are alike are told once. */
export function retryText(steps: readonly RetryStep[]): string {
  if (steps.length === 0) return "none";
  const runs: { way: RetryStep["way"]; delays: string[] }[] = [];
  for (const { way, delayMs } of steps) {
    const run = runs.at(-1);
    const delay = delayText(delayMs);
    if (run?.way !== way) runs.push({ way, delays: [delay] });
    else run.delays.push(delay);
  }
  return runs.map(({ way, delays }) => `${shortened(delays)} ${WAY[way]}`).join(", ");
}

function shortened(delays: readonly string[]): string {
  return delays.length <= 6 ? delays.join(" ") : `${delays.slice(0, 3).join(" ")} … ${delays.at(-1)}`;
}

function delayText(ms: number): string {
  return ms < 1_000 ? `${ms}ms` : `${Math.round(ms / 100) / 10}s`;
}
