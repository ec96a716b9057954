import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createClock, type MovableClock } from "../clock.ts";
import { identityOf, type TlsIdentity } from "../tls-door.ts";
import type {
  DomainConfig,
  EventGridConfig,
  EventSubscriptionConfig,
  NamespaceConfig,
  NamespaceSubscriptionConfig,
  PartnerNamespaceConfig,
  TopicConfig,
} from "./config.ts";
import { createControl, type EventGridControl } from "./control.ts";
import type { DeadLetterWriter } from "./dead-letters.ts";
import { FaultPlan } from "./fault-plan.ts";
import { openHttpDoor } from "./http/http-door.ts";
import { openSecureDoor } from "./http/secure-door.ts";
import { NO_JOURNAL, openJournal } from "./journal.ts";
import type { AzureSend, NeighbourSends } from "./push/destination.ts";
import { WebhookCaller } from "./push/webhook-call.ts";
import { createTiming } from "./timing.ts";
import { Topics } from "./topics.ts";

/** In base64, as every key of the service. It opens nothing but an emulator. */
const KEY = Buffer.from("waybill event grid emulator key!").toString("base64");

export interface EventGridEmulatorOptions {
  /** Custom topics; a name alone stands for a topic of CloudEvents without subscriptions. */
  readonly topics?: readonly (TopicConfig | string)[] | undefined;
  readonly domains?: readonly DomainConfig[] | undefined;
  readonly partnerNamespaces?: readonly PartnerNamespaceConfig[] | undefined;
  readonly namespaces?: readonly NamespaceConfig[] | undefined;
  /** More of all of them: the object, or the path of a JSON file. */
  readonly config?: EventGridConfig | string | undefined;
  /** Functions that a destination names by `send`. */
  readonly destinations?: Readonly<Record<string, AzureSend>> | undefined;
  /** How to reach what a destination names by `entity`; `startEmulators` gives it. */
  readonly neighbours?: NeighbourSends | undefined;
  /** Functions that a subscription names by `deadLetter`. */
  readonly deadLetters?: Readonly<Record<string, DeadLetterWriter>> | undefined;
  /** Opens every topic. In base64. */
  readonly key?: string | undefined;
  /** Default 127.0.0.1. Anything else opens the emulator to others: it has no authentication of substance. */
  readonly host?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
  /** Also opens the endpoints over HTTPS, on a second free port, with a certificate made at the start, or an identity that several emulators share. Default false. */
  readonly tls?: boolean | TlsIdentity | undefined;
  /**
   * Keeps in this folder what waits for delivery or receipt, and dead letters that are not in a blob yet, over a restart of the
   * process, however it ended. Topics and subscriptions must come again, and find it by their names. One emulator at a time.
   */
  readonly dataDir?: string | undefined;
  /** Default: the machine's time, which `control.advanceClock` moves. */
  readonly clock?: MovableClock | undefined;
  /**
   * Divides the long waits: those between attempts and before a dead letter is written, release delays, and times to live. Locks,
   * the 30 s for a webhook's answer and `maxWaitTime` keep their length. Default 1.
   */
  readonly speed?: number | undefined;
  /** How long a client may take for its headers. Milliseconds, default 10 000. */
  readonly headersTimeoutMs?: number | undefined;
  /** How long a client may take for a whole request. Milliseconds, default 30 000. */
  readonly requestTimeoutMs?: number | undefined;
}

export interface EventGridEmulator {
  /** Of the emulator, and of the topics of its namespaces: `…/topics/NAME:publish`; with two namespaces `…/NAMESPACE/topics/NAME:publish`. */
  readonly endpoint: string;
  /** With `tls`: the same over HTTPS. */
  readonly secureEndpoint: string | undefined;
  /** With `tls`: the certificate to trust, PEM, as a value of `tlsOptions.ca` or a file for NODE_EXTRA_CA_CERTS. */
  readonly certificate: string | undefined;
  readonly key: string;
  readonly port: number;
  readonly control: EventGridControl;
  /** What a publisher's client is given for a custom topic, a domain or a partner namespace. */
  topicEndpoint(name: string): string;
  /** Cuts every connection and frees the port; open deliveries are given up. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts Event Grid in this process, in memory: not a service, and with no authentication of substance. Resolves when every webhook
 * of the configuration has agreed or waits for somebody to open its validation address; rejects when one refuses, when the port is
 * taken or when the configuration is wrong.
 */
export async function startEventGridEmulator(options: EventGridEmulatorOptions = {}): Promise<EventGridEmulator> {
  const clock = options.clock ?? createClock();
  const key = options.key ?? KEY;
  const caller = new WebhookCaller(clock);
  const faults = new FaultPlan();
  const journal = options.dataDir === undefined ? NO_JOURNAL : openJournal(options.dataDir);
  let origin = "";
  const topics = new Topics(
    {
      timing: createTiming(clock, options.speed ?? 1),
      caller,
      destinations: options.destinations ?? {},
      deadLetters: options.deadLetters ?? {},
      neighbours: options.neighbours,
      journal,
    },
    () => origin,
  );
  const { headersTimeoutMs = 10_000, requestTimeoutMs = 30_000 } = options;
  const { commit } = journal;
  const server = openHttpDoor({ topics, faults, keys: [key], clock, commit, headersTimeoutMs, requestTimeoutMs });
  server.listen(options.port ?? 0, options.host ?? "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    journal.close();
    throw error;
  }
  const { address, port, family } = server.address() as AddressInfo;
  const host = /^(0\.0\.0\.0|::)$/.test(address) ? "127.0.0.1" : family === "IPv6" ? `[${address}]` : address;
  origin = `http://${host}:${port}`;
  const identity = await identityOf(options.tls);
  const secure = identity && (await openSecureDoor(server, address, identity));

  let closing: Promise<void> | undefined;
  const stop = async () => {
    caller.close();
    topics.close();
    server.closeAllConnections();
    secure?.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    journal.close();
    if (options.clock === undefined) clock.stop();
  };
  const close = () => {
    closing ??= stop();
    return closing;
  };
  try {
    await build(topics, options);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    endpoint: origin,
    secureEndpoint: secure && `https://${host}:${secure.port}`,
    certificate: secure?.certificate,
    key,
    port,
    control: createControl({ topics, faults, server, clock }),
    topicEndpoint: (name) => `${origin}/${name}/api/events`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function build(topics: Topics, options: EventGridEmulatorOptions): Promise<void> {
  const { config } = options;
  const more: EventGridConfig =
    typeof config === "string" ? (JSON.parse(await readFile(config, "utf8")) as EventGridConfig) : (config ?? {});
  const subscriptions: Promise<unknown>[] = [];
  const subscribe = (path: string, list: readonly (EventSubscriptionConfig | NamespaceSubscriptionConfig)[] = []) =>
    subscriptions.push(...list.map((one) => topics.createSubscription(path, one)));
  for (const given of [...(options.topics ?? []), ...(more.topics ?? [])]) {
    const topic: TopicConfig = typeof given === "string" ? { name: given } : given;
    subscribe(topics.createTopic(topic.name, topic.inputSchema, topic.inputSchemaMapping).path, topic.subscriptions);
  }
  for (const domain of [...(options.domains ?? []), ...(more.domains ?? [])]) {
    const { path } = topics.createDomain(domain.name, domain.inputSchema, domain.inputSchemaMapping);
    subscribe(path, domain.subscriptions);
    for (const topic of domain.topics ?? []) subscribe(`${path}/${topic.name}`, topic.subscriptions);
  }
  for (const { name, channels } of [...(options.partnerNamespaces ?? []), ...(more.partnerNamespaces ?? [])]) {
    topics.createPartnerNamespace(name);
    for (const channel of channels) subscribe(topics.createChannel(name, channel.name).path, channel.subscriptions);
  }
  for (const namespace of [...(options.namespaces ?? []), ...(more.namespaces ?? [])]) {
    for (const topic of namespace.topics)
      subscribe(topics.createNamespaceTopic(namespace.name, topic.name).path, topic.subscriptions);
  }
  await Promise.all(subscriptions);
}
