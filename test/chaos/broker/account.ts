import type { Carrier } from "./carrier.ts";
import type { Entry } from "./ledger.ts";
import { eventsOf, KEEPER, KEEPER_OF_A, SUBSCRIPTIONS, type Workload } from "./workload.ts";

export interface Account {
  /** Effects that are there for the first time. */
  readonly done: number;
  readonly duplicates: number;
  readonly problems: readonly string[];
}

const name = (key: string, n: number) => `${key}/${n}`;

/** Holds the ledger against what was published, and against what the carrier promises. */
export function account(
  workload: Workload,
  entries: readonly Entry[],
  { ordered, keepsGraves = false }: Pick<Carrier, "ordered" | "keepsGraves">,
): Account {
  const problems: string[] = [];
  let done = 0;
  let duplicates = 0;
  for (const subscription of SUBSCRIPTIONS) {
    const first = new Map<string, Entry>();
    const all = ofSubscription(entries, subscription);
    for (const entry of all) {
      if (first.has(name(entry.key, entry.n))) duplicates++;
      else first.set(name(entry.key, entry.n), entry);
    }
    done += first.size;
    problems.push(...lost(workload, subscription, first, keepsGraves || subscription === "b"));
    if (subscription === "b") problems.push(...strayed(all));
    if (ordered) problems.push(...inverted(workload, subscription, first));
  }
  problems.push(...unkept(workload, "b", ofSubscription(entries, KEEPER)));
  if (keepsGraves) problems.push(...unkept(workload, "a", ofSubscription(entries, KEEPER_OF_A)));
  return { done, duplicates, problems };
}

/** The graves of a subscription have all the poison, and nothing else. */
function unkept(workload: Workload, subscription: string, entries: readonly Entry[]): string[] {
  const problems: string[] = [];
  const kept = new Set(entries.map(({ key, n }) => name(key, n)));
  const poison = [...eventsOf(workload)].filter(({ kind }) => kind === "poison");
  const missing = poison.filter(({ key, n }) => !kept.has(name(key, n)));
  if (missing.length > 0)
    problems.push(`graves: ${missing.length} of ${poison.length} given up by ${subscription} are not there`);
  if (kept.size > poison.length)
    problems.push(`graves: ${kept.size - poison.length} that ${subscription} never gave up`);
  return problems;
}

function ofSubscription(entries: readonly Entry[], subscription: string): Entry[] {
  return entries.filter((entry) => entry.subscription === subscription).sort((a, b) => (a.at < b.at ? -1 : 1));
}

/**
 * `a` ends with everything, since its dead letters were redriven; whose poison is in the graves may do without. A second copy of such an event, from a
 * publish call that failed after it had worked, may still be on its way when the bug is mended, and then it is done.
 */
function lost(
  workload: Workload,
  subscription: string,
  first: ReadonlyMap<string, Entry>,
  withoutPoison: boolean,
): string[] {
  let missing = 0;
  let example = "";
  for (const { key, n, kind } of eventsOf(workload)) {
    if (first.has(name(key, n)) || (withoutPoison && kind === "poison")) continue;
    missing++;
    example ||= `${name(key, n)} (${kind})`;
  }
  return missing > 0 ? [`${subscription}: ${missing} lost, such as ${example}`] : [];
}

/** Only the dead letters of `a` were redriven, and no other subscription may see them. */
function strayed(all: readonly Entry[]): string[] {
  const [example] = all.filter(({ redriven }) => redriven);
  return example === undefined ? [] : [`b: ${name(example.key, example.n)} was redriven for a and reached b`];
}

/** First effects of a key come in its order. Poison is left out: it was given up and came again much later. */
function inverted(workload: Workload, subscription: string, first: ReadonlyMap<string, Entry>): string[] {
  const last = new Map<string, Entry>();
  let inversions = 0;
  let example = "";
  for (const { key, n, kind } of eventsOf(workload)) {
    const entry = first.get(name(key, n));
    if (kind === "poison" || entry === undefined) continue;
    const before = last.get(key);
    if (before !== undefined && before.at > entry.at) {
      inversions++;
      example ||= `${name(key, n)} before ${name(key, before.n)}`;
    } else last.set(key, entry);
  }
  return inversions === 0 ? [] : [`${subscription}: ${inversions} out of order, such as ${example}`];
}
