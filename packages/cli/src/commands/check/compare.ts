import type { SubscriptionReport } from "@waybill/config";
import { retryText } from "./retry-text.ts";

/** One thing that a swap of the configuration changes for one subscription. */
export interface Change {
  readonly topic: string;
  readonly subscription: string;
  readonly what: string;
  readonly from: string;
  readonly to: string;
  /** It works today and would be refused. */
  readonly refused: boolean;
  /** It still works, and promises less: events of one key are no longer in order, or a duplicate has its effect again. */
  readonly weaker: boolean;
}

interface Fact {
  readonly what: string;
  readonly text: string;
  readonly refused?: boolean;
  /** How much it promises; absent where that is no measure. */
  readonly promise?: number;
}

/** What differs between two configurations, subscription by subscription; nothing for what stays the same. */
export function compareReports(
  ours: readonly SubscriptionReport[],
  theirs: readonly SubscriptionReport[],
): readonly Change[] {
  const placeOf = ({ topic, subscription }: SubscriptionReport) => `${topic}/${subscription}`;
  const from = new Map(ours.map((report) => [placeOf(report), report]));
  const to = new Map(theirs.map((report) => [placeOf(report), report]));
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((place) => {
    const [topic = "", subscription = ""] = place.split("/");
    const before = factsOf(from.get(place));
    const after = factsOf(to.get(place));
    const works = startsToday(from.get(place));
    const names = [...new Set([...before, ...after].map(({ what }) => what))];
    return names.flatMap((what): Change[] => {
      const old = before.find((fact) => fact.what === what);
      const next = after.find((fact) => fact.what === what);
      if (old?.text === next?.text) return [];
      const refused = next?.refused === true && old?.refused !== true && works;
      const weaker = !refused && next?.promise !== undefined && next.promise < (old?.promise ?? 0);
      return [{ topic, subscription, what, from: old?.text ?? "–", to: next?.text ?? "–", refused, weaker }];
    });
  });
}

/** What would not start has nothing that a swap could take from it. One whose broker does not answer may well be running. */
function startsToday(report: SubscriptionReport | undefined): boolean {
  if (report === undefined || report.problem?.kind === "refused") return false;
  return report.assessment?.findings.some(({ blocks }) => blocks === true) !== true;
}

function factsOf(report: SubscriptionReport | undefined): readonly Fact[] {
  // What is not declared any more gets nothing any more.
  if (report === undefined) return [{ what: "declared", text: "no", refused: true }];
  const { broker, adapter, problem, assessment, limits } = report;
  const known: Fact[] = [
    { what: "declared", text: "yes" },
    { what: "broker", text: `${broker} (${adapter})` },
  ];
  if (problem !== undefined)
    return [...known, { what: problem.kind, text: problem.text, refused: problem.kind === "refused" }];
  const { granted, retries = [], findings = [] } = assessment ?? {};
  const { order = "refused", delivery = "–" } = granted?.guarantee ?? {};
  return [
    ...known,
    { what: "order", text: order, refused: granted === undefined, promise: order === "per-key" ? 1 : 0 },
    { what: "duplicates", text: delivery, promise: delivery === "at-least-once, idempotent" ? 1 : 0 },
    { what: "retries", text: granted === undefined ? "–" : retryText(retries) },
    ...findings.map(({ feature, how, detail }) => ({
      what: feature,
      text: `${how}: ${detail}`,
      refused: how === "refused",
    })),
    ...Object.entries(limits ?? {}).map(([what, value]) => ({ what, text: String(value) })),
  ];
}
