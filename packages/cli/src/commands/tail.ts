import { randomBytes } from "node:crypto";
import { brokerOf, type LoadedConfig, type SubscriptionSettings } from "@waybill/config";
import type { RawCloudEvent } from "@waybill/core";
import { Command, Option } from "commander";
import type { Action, Bind } from "../action.ts";
import { cliErrors } from "../cli-errors.ts";
import { toJson } from "../event-json.ts";
import { EXIT } from "../exit-codes.ts";
import { drainTimeout, duration, wholeNumber } from "../option-values.ts";
import type { OpenedBus } from "../session.ts";

interface TailOptions {
  readonly subscription?: string;
  readonly take?: boolean;
  readonly from?: "earliest" | "latest";
  readonly max?: number;
  readonly for?: number;
  readonly drainTimeout: number;
}

const EXAMPLES = `
Where the broker makes a subscription for whoever asks (Kafka), tail reads through one of its own and disturbs nobody. Where it does
not, name a subscription and say --take: what is printed is taken away from it. Or make one for tail alone, and leave it undeclared.

Examples:
  waybill tail orders
  waybill tail orders --from earliest --max 10 --json
  waybill tail orders --subscription billing --take --max 1`;

export function tailCommand(bind: Bind): Command {
  return new Command("tail")
    .description("Print the events of a topic as they come.")
    .argument("<topic>", "the topic's logical name")
    .option("--subscription <name>", "read through this subscription instead of one of tail's own")
    .option("--take", "take the events printed away from the subscription")
    .addOption(
      new Option(
        "--from <position>",
        "where a new subscription begins (default: latest; a declared one as it is declared, else earliest)",
      ).choices(["earliest", "latest"]),
    )
    .option("--max <n>", "stop after so many events", wholeNumber)
    .option("--for <duration>", "stop after so long, such as 30s", duration)
    .addOption(drainTimeout())
    .addHelpText("after", EXAMPLES)
    .action(bind(([topic], options) => tail(topic as string, options as unknown as TailOptions)));
}

const tail =
  (topic: string, options: TailOptions): Action =>
  async (session) => {
    const { output, shutdown } = session;
    const declared = declaredAs(await session.loaded(), topic, options.subscription);
    const opened = await session.open({
      topic,
      changed: (loaded) => makingNoTopics(untuned(loaded, topic, options.subscription)),
    });
    const name = await subscriptionFor(topic, options, opened);
    let printed = 0;
    const full = new AbortController();
    const stop = AbortSignal.any([
      shutdown.signal,
      output.readerGone,
      full.signal,
      ...(options.for === undefined ? [] : [AbortSignal.timeout(options.for)]),
    ]);
    const subscribing = opened.bus.subscribe(
      topic,
      {
        name,
        // A declared one that nobody has read yet begins here: what waits for its consumers must not be passed over.
        startFrom: options.from ?? (declared === undefined ? "latest" : (declared.startFrom ?? "earliest")),
        // One at a time, so that --max is kept and what is not printed goes back.
        concurrency: 1,
        maxInFlight: Math.min(options.max ?? 32, 32),
        // A reader that is gone must not make a dead letter of an event.
        retry: { attempts: 1_000 },
      },
      async (event) => {
        if (stop.aborted) throw new Error("tail has stopped");
        await (session.json ? output.json(toJson(event)) : output.line(lineOf(event)));
        if (++printed === options.max) full.abort();
      },
    );
    const subscription = await subscribing.catch((error: unknown) => {
      throw options.subscription === undefined ? withoutOwn(topic, opened, error) : error;
    });
    output.note(`tailing ${topic} as ${name}${options.take ? ": what is printed is taken away" : ""}`);
    shutdown.finishWithin(options.drainTimeout + 1_000);
    await aborted(stop);
    const { abandoned } = await subscription.drain({
      deadlineMs: output.readerGone.aborted ? 0 : options.drainTimeout,
    });
    if (abandoned > 0 && !output.readerGone.aborted && !full.signal.aborted) {
      throw cliErrors.WB_CLI_DRAIN_DEADLINE({ deadlineMs: options.drainTimeout, abandoned });
    }
    return EXIT.ok;
  };

function declaredAs(
  { config }: LoadedConfig,
  topic: string,
  subscription: string | undefined,
): SubscriptionSettings | undefined {
  return subscription === undefined ? undefined : config.topics[topic]?.subscriptions[subscription];
}

/** What the file says of the subscription is meant for its consumers, and would win over tail's own: one at a time, and no dead letters. */
function untuned(loaded: LoadedConfig, topic: string, subscription: string | undefined): LoadedConfig {
  const settings = declaredAs(loaded, topic, subscription);
  const route = loaded.config.topics[topic];
  if (subscription === undefined || settings === undefined || route === undefined) return loaded;
  const { retryBroker, deadLetterTo } = settings;
  const kept = {
    ...(retryBroker === undefined ? {} : { retryBroker }),
    ...(deadLetterTo === undefined ? {} : { deadLetterTo }),
  };
  const subscriptions = { ...route.subscriptions, [subscription]: kept };
  const topics = { ...loaded.config.topics, [topic]: { ...route, subscriptions } };
  return { ...loaded, config: { ...loaded.config, topics } };
}

/** Kafka makes a topic for the retries of each subscription that is opened; tail's own would be left behind, and needs none. */
function makingNoTopics(loaded: LoadedConfig): LoadedConfig {
  const brokers = { ...loaded.config.brokers };
  for (const [name, broker] of Object.entries(brokers)) {
    if (broker.adapter === "kafka") brokers[name] = { ...broker, options: { ...broker.options, createTopics: false } };
  }
  return { ...loaded, config: { ...loaded.config, brokers } };
}

/** Where subscriptions are entities that somebody must make, there is none for tail itself. */
function withoutOwn(topic: string, { adapters, loaded }: OpenedBus, error: unknown): unknown {
  const broker = brokerOf(loaded.config, topic) ?? "";
  if (adapters[broker]?.classify(error) !== "not-found") return error;
  return cliErrors.WB_TAIL_NEEDS_SUBSCRIPTION({ topic, broker }, error);
}

/** The subscription to read through, refused where that would take events away unasked. */
async function subscriptionFor(topic: string, options: TailOptions, { adapters, loaded }: OpenedBus): Promise<string> {
  const { subscription, take } = options;
  const broker = brokerOf(loaded.config, topic) ?? "";
  const adapter = adapters[broker];
  if (subscription !== undefined && take) return subscription;
  if (subscription !== undefined && declaredAs(loaded, topic, subscription) !== undefined) {
    throw cliErrors.WB_TAIL_TAKES({ topic, subscription });
  }
  const sender = await adapter?.openSender(topic);
  try {
    if (sender?.capabilities.fanOut === false) throw cliErrors.WB_TAIL_NEEDS_SUBSCRIPTION({ topic, broker });
  } finally {
    await sender?.close();
  }
  return subscription ?? `tail-${randomBytes(4).toString("hex")}`;
}

function lineOf(event: RawCloudEvent): string {
  const { time, type, id, partitionkey, data } = event;
  const key = partitionkey === undefined ? "" : ` key=${partitionkey}`;
  const content = data instanceof Uint8Array ? `<${data.byteLength} bytes>` : JSON.stringify(data);
  return `${time ?? "-"} ${type} ${id}${key} ${content ?? ""}`.trimEnd();
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    // An abort signal alone keeps no process alive, and a quiet broker might not either.
    const alive = setInterval(() => undefined, 60_000);
    signal.addEventListener(
      "abort",
      () => {
        clearInterval(alive);
        resolve();
      },
      { once: true },
    );
  });
}
