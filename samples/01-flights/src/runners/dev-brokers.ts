/** Brokers that run already, and the environment of the config file for them. */
export interface RunningBroker {
  readonly env: Record<string, string>;
  readonly stop: () => Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface DevSetup {
  /** Variables of the config file, and those of `waybill dev` that they come from. */
  readonly variables: Readonly<Record<string, string>>;
  /** Requests to the control interface that make what the adapter cannot make itself. */
  readonly entities?: readonly (readonly [path: string, body: unknown])[];
}

const gridTopics = ["flights", "flights--totals", "flights--totals--dead"];

const setups: Readonly<Record<string, DevSetup>> = {
  "storage-queue": { variables: { FLIGHTS_STORAGE: "STORAGE_CONNECTION" } },
  "service-bus": { variables: { FLIGHTS_SERVICE_BUS: "SERVICE_BUS_CONNECTION" } },
  kafka: { variables: { FLIGHTS_KAFKA: "KAFKA_BROKERS" } },
  "event-hubs": {
    variables: { FLIGHTS_EVENT_HUBS: "EVENT_HUBS_CONNECTION", FLIGHTS_STORAGE: "STORAGE_CONNECTION" },
    entities: [
      ["/event-hubs/create-hub", { name: "flights", options: { partitionCount: 4, consumerGroups: ["totals"] } }],
      ["/event-hubs/create-hub", { name: "flights.totals", options: { partitionCount: 1 } }],
      ["/event-hubs/create-hub", { name: "flights.totals.dead", options: { partitionCount: 1 } }],
    ],
  },
  "event-grid": {
    variables: { FLIGHTS_EVENT_GRID_ENDPOINT: "EVENT_GRID_ENDPOINT", FLIGHTS_EVENT_GRID_KEY: "EVENT_GRID_KEY" },
    entities: gridTopics.flatMap((name) => [
      ["/event-grid/create-namespace-topic", { namespace: "dev", name }],
      [
        "/event-grid/create-subscription",
        { topic: `dev/${name}`, config: { name: "totals", receiveLockDurationInSeconds: 5 } },
      ],
    ]),
  },
};

/**
 * The brokers of a `waybill dev` whose environment this is; undefined when it is none, or its broker does not run. Their control
 * address tells a `waybill dev` from somebody's real broker.
 */
export async function devBroker(name: string, env: Environment): Promise<RunningBroker | undefined> {
  const control = env.WAYBILL_DEV_CONTROL;
  const setup = Object.hasOwn(setups, name) ? setups[name] : undefined;
  if (control === undefined || setup === undefined) return undefined;
  const variables = Object.entries(setup.variables).map(([own, given]) => [own, env[given]] as const);
  if (variables.some(([, value]) => value === undefined)) return undefined;
  for (const [path, body] of setup.entities ?? []) await make(`${control}${path}`, body);
  return { env: Object.fromEntries(variables) as Record<string, string>, stop: async () => undefined };
}

/** What is there from an earlier run stays. */
async function make(url: string, body: unknown): Promise<void> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  const text = await response.text();
  if (response.ok || /exists already|already exists/.test(text)) return;
  throw new Error(`waybill dev answered ${response.status}: ${text}`);
}
