import { parseArgs } from "node:util";
import { FAULTS, type Fault } from "./broker/carrier.ts";
import { CARRIERS } from "./broker/carriers.ts";
import type { ChaosOptions, ChaosReport } from "./chaos-case.ts";
import { STORES, type StoreName } from "./outbox/database.ts";

interface Case {
  readonly about: string;
  readonly events: number;
  readonly load: () => Promise<{ run: (options: ChaosOptions) => Promise<ChaosReport> }>;
}

const CASES: Readonly<Record<string, Case>> = {
  simulation: {
    about: "publish → relay → consume in virtual time; --events is the number of seeds, from --seed on",
    events: 1_000,
    load: () => import("./simulation.ts"),
  },
  kill: {
    about: "kill -9 of the relay and of consumers while the sample runs over Azurite",
    events: 3_000,
    load: () => import("./kill.ts"),
  },
  emulators: {
    about:
      "locks, sessions, numbers and counts of the Service Bus emulator under 8 receivers; messages, half of them in sessions",
    events: 50_000,
    load: () => import("./emulators/receivers.ts"),
  },
  "emulator-memory": {
    about: "memory of the Service Bus and Event Hubs emulators; messages sent to and received from each",
    events: 1_000_000,
    load: () => import("./emulators/memory.ts"),
  },
  outbox: {
    about: "8 writers, 3 relays and a consumer in processes over each store, while things happen to all of them",
    events: 200_000,
    load: () => import("./outbox/full.ts"),
  },
  "outbox-outage": {
    about:
      "the broker of an outbox is down while most of the events are written, or for --down seconds, with --events as the most",
    events: 300_000,
    load: async () => ({ run: (await import("./outbox/full.ts")).outage }),
  },
  ...Object.fromEntries(Object.entries(CARRIERS).map(([broker, { events }]) => [broker, brokerCase(broker, events)])),
};

function brokerCase(broker: string, events: number): Case {
  const load = async () => {
    const { runBrokerChaos } = await import("./broker/run.ts");
    return { run: (options: ChaosOptions) => runBrokerChaos({ ...options, broker }) };
  };
  return {
    about: `publish → consume in three processes over ${broker}, while things happen to all of them`,
    events,
    load,
  };
}

const USAGE = `Usage: npx pnpm@12 chaos NAME [--events N] [--seed N] [--kills N] [--faults N] [--only FAULT,…] [--store STORE] [--down SECONDS] [--json]

${Object.entries(CASES)
  .map(([name, one]) => `  ${name.padEnd(20)} ${one.about} (default ${one.events})`)
  .join("\n")}

Examples:
  npx pnpm@12 chaos simulation
  npx pnpm@12 chaos simulation --seed 4711 --events 1
  npx pnpm@12 chaos kill --kills 20 --json
  npx pnpm@12 chaos outbox --store postgres --events 20000
  npx pnpm@12 chaos outbox-outage --store postgres --down 200 --events 3000000
  npx pnpm@12 chaos storage-queue --events 600 --faults 6 --only cut,half-open

Faults: ${FAULTS.join(", ")}; each broker has those that it can.`;

function whole(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^\d{1,9}$/.test(text)) usage(`--${name} takes a whole number, not ${JSON.stringify(text)}.`);
  return Number(text);
}

function faultNames(text: string | undefined): readonly Fault[] | undefined {
  const names = text?.split(",");
  const wrong = names?.find((one) => !(FAULTS as readonly string[]).includes(one));
  if (wrong !== undefined) usage(`--only takes ${FAULTS.join(", ")}, not ${JSON.stringify(wrong)}.`);
  return names as readonly Fault[] | undefined;
}

function storeName(text: string | undefined): StoreName | undefined {
  if (text === undefined || (STORES as readonly string[]).includes(text)) return text as StoreName | undefined;
  usage(`--store takes ${STORES.join(", ")}, not ${JSON.stringify(text)}.`);
}

function usage(problem?: string): never {
  console.error(problem === undefined ? USAGE : `${problem}\n\n${USAGE}`);
  process.exit(problem === undefined ? 0 : 2);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: "string" },
    seed: { type: "string" },
    kills: { type: "string" },
    faults: { type: "string" },
    only: { type: "string" },
    store: { type: "string" },
    down: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) usage();
const [name = ""] = positionals;
const chosen = Object.hasOwn(CASES, name) ? CASES[name] : undefined;
if (chosen === undefined) usage(`There is no chaos case ${JSON.stringify(name)}.`);

const { run } = await chosen.load();
const report = await run({
  events: whole("events", values.events, chosen.events),
  seed: whole("seed", values.seed, 1),
  kills: whole("kills", values.kills, 20),
  faults: whole("faults", values.faults, 20),
  only: faultNames(values.only),
  store: storeName(values.store),
  downSeconds: values.down === undefined ? undefined : whole("down", values.down, 0),
  progress: (line) => console.error(`${(performance.now() / 1_000).toFixed(1).padStart(6)} s  ${line}`),
});
console.log(values.json ? JSON.stringify(report) : report);
// Not by itself: after thousands of sockets that were reset, Node's cleanup was seen to wait for one for ever.
process.exit(report.ok ? 0 : 1);
