import type { SubscriptionReport } from "@waybill/config";
import { counted } from "@waybill/core/spi";
import type { Session } from "../../session.ts";
import { tableLines } from "../../table.ts";
import type { Change } from "./compare.ts";
import { retryText } from "./retry-text.ts";

/** Each subscription: its guarantee, then what is native, emulated or refused, then the limits. */
export async function printReports(session: Session, reports: readonly SubscriptionReport[]): Promise<void> {
  const { json, output } = session;
  if (reports.length === 0) output.note("the configuration declares no subscription, so there is nothing to check");
  for (const report of reports) {
    if (json) await output.json(reportJson(report));
    else for (const line of reportLines(report)) await output.line(line);
  }
}

/** What a swap changes, subscription by subscription; with JSON, both sides too. */
export async function printChanges(
  { json, output }: Session,
  all: {
    readonly reports: readonly SubscriptionReport[];
    readonly theirs: readonly SubscriptionReport[];
    readonly changes: readonly Change[];
  },
): Promise<void> {
  const { reports, theirs, changes } = all;
  if (json) {
    for (const change of changes) await output.json(change);
    await output.json({ from: reports.map(reportJson), to: theirs.map(reportJson), changes: changes.length });
    return;
  }
  if (changes.length === 0) await output.line("Nothing changes.");
  const places = new Map<string, Change[]>();
  for (const change of changes) {
    const place = `${change.topic}/${change.subscription}`;
    places.set(place, [...(places.get(place) ?? []), change]);
  }
  for (const { topic, subscription, broker, assumed } of [...reports, ...theirs]) {
    if (assumed !== undefined) {
      output.note(`${topic}/${subscription} on ${broker}: the broker does not answer; assumed: ${assumed}`);
    }
  }
  for (const [place, list] of places) {
    await output.line(place);
    const rows = list.map((change) => [`  ${markOf(change)} `, change.what, change.from, `→ ${change.to}`]);
    for (const line of tableLines(rows)) await output.line(line);
  }
  const count = (wanted: "refused" | "weaker") => changes.filter((change) => change[wanted]).length;
  const [refused, weaker] = [count("refused"), count("weaker")];
  if (refused > 0)
    await output.line(`${counted(refused, "change")} of ${changes.length} (!) would refuse what works today.`);
  if (weaker > 0)
    await output.line(`${counted(weaker, "change")} of ${changes.length} (<) would promise less than today.`);
}

const markOf = ({ refused, weaker }: Change) => (refused ? "!" : weaker ? "<" : " ");

function reportJson(report: SubscriptionReport): Record<string, unknown> {
  const { topic, subscription, broker, adapter, assessment, limits, problem, assumed } = report;
  const place = { topic, subscription, broker, adapter };
  if (problem !== undefined) return { ...place, problem };
  const { granted, retries, findings } = assessment ?? {};
  return {
    ...place,
    guarantee: granted?.guarantee ?? null,
    deadLetterTo: granted?.deadLetterTo ?? null,
    retries,
    findings,
    limits,
    ...(assumed === undefined ? {} : { assumed }),
  };
}

function reportLines(report: SubscriptionReport): string[] {
  const { topic, subscription, broker, adapter, assessment, limits = {}, problem, assumed } = report;
  const head = `${topic}/${subscription} on ${broker} (${adapter})`;
  if (problem !== undefined) return [head, `  ${problem.kind}: ${problem.text}`];
  const { granted, retries = [], findings = [] } = assessment ?? {};
  const guarantee =
    granted === undefined
      ? "refused: it would not start"
      : `order ${granted.guarantee.order}, ${granted.guarantee.delivery}, retries ${retryText(retries)}`;
  const rows = findings.map(({ how, feature, detail }) => [`  ${how}`, feature, detail]);
  const figures = Object.entries(limits).map(([name, value]) => `${name} ${value}`);
  const note = assumed === undefined ? [] : [`  assumed, for the broker does not answer: ${assumed}`];
  return [head, `  guarantee: ${guarantee}`, ...note, ...tableLines(rows), `  limits: ${figures.join(", ")}`];
}
