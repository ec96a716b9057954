import type { PlainMessage } from "../amqp/write-message.ts";
import type { EventSubscriptionConfig, NamespaceSubscriptionConfig, TopicConfig } from "../event-grid/config.ts";
import type { EventGridControl } from "../event-grid/control.ts";
import type { EventHubsControl } from "../event-hubs/control.ts";
import type { HubOptions } from "../event-hubs/hub-settings.ts";
import { queueDefaults, subscriptionDefaults, topicDefaults } from "../service-bus/broker/settings.ts";
import type { ServiceBusControl } from "../service-bus/control.ts";
import type { RuleDescription } from "../service-bus/rules/rule.ts";
import { type Arguments, ControlProblem } from "./arguments.ts";

/** Reads its arguments, and answers what does it: so that wrong arguments are refused before anything has happened. */
export type Operation<Control> = (args: Arguments, control: Control) => () => unknown;
type Operations<Control> = Readonly<Record<string, Operation<Control>>>;

export const SERVICE_BUS: Operations<ServiceBusControl> = {
  "create-queue": (args, control) => {
    const [name, settings] = [args.text("name"), readSettings(args, queueDefaults())];
    return () => control.createQueue(name, settings);
  },
  "create-topic": (args, control) => {
    const [name, settings] = [args.text("name"), readSettings(args, topicDefaults())];
    return () => control.createTopic(name, settings);
  },
  "create-subscription": (args, control) => {
    const [topic, name] = [args.text("topic"), args.text("name")];
    const settings = readSettings(args, subscriptionDefaults());
    const rules = args.list("rules")?.map(readRule);
    return () => control.createSubscription(topic, name, settings, rules);
  },
  "delete-entity": (args, control) => {
    const path = args.text("path");
    return () => control.deleteEntity(path);
  },
  update: (args, control) => {
    const [path, settings] = [args.text("path"), readSettings(args, { ...queueDefaults(), ...topicDefaults() })];
    return () => control.update(path, settings);
  },
  send: (args, control) => {
    const path = args.text("path");
    const message = readMessage(args);
    return () => control.send(path, message);
  },
  "expire-locks": (args, control) => {
    const [path, lockToken] = [args.text("path"), args.maybeText("lockToken")];
    return () => ({ ended: control.expireLocks(path, lockToken) });
  },
  "lose-session": (args, control) => {
    const [path, sessionId] = [args.text("path"), args.text("sessionId")];
    return () => ({ lost: control.loseSession(path, sessionId) });
  },
  "cut-connections": (_args, control) => () => ({ cut: control.cutConnections() }),
  "detach-links": (args, control) => {
    const [condition, description] = [args.text("condition"), args.maybeText("description") ?? "Told to."];
    const path = args.maybeText("path");
    return () => ({ ended: control.detachLinks(condition, description, path) });
  },
  ...switches<ServiceBusControl>(),
  state: (args, control) => {
    const path = args.text("path");
    return () => control.state(path);
  },
};

/** `takeovers` holds what gives a partition back, by the number that was answered. */
export const eventHubs = (takeovers: Map<number, () => void>): Operations<EventHubsControl> => ({
  "create-hub": (args, control) => {
    const [name, options] = [args.text("name"), args.object("options") as HubOptions | undefined];
    return () => control.createHub(name, options);
  },
  "create-consumer-group": (args, control) => {
    const [hub, name] = [args.text("hub"), args.text("name")];
    return () => control.createConsumerGroup(hub, name);
  },
  send: (args, control) => {
    const hub = args.text("hub");
    const event = readMessage(args);
    return () => control.send(hub, event);
  },
  "take-over": (args, control) => {
    const [hub, partition] = [args.text("hub"), args.text("partition")];
    const takeover = { consumerGroup: args.maybeText("consumerGroup"), ownerLevel: args.maybeNumber("ownerLevel") };
    return () => {
      const giveBack = control.takeOver(hub, partition, takeover);
      const takeoverId = takeovers.size + 1;
      takeovers.set(takeoverId, giveBack);
      return { takeoverId };
    };
  },
  "give-back": (args) => {
    const id = args.number("takeoverId");
    return () => takeovers.get(id)?.();
  },
  "cut-connections": (args, control) => {
    const choice = readChoice(args);
    return () => ({ cut: control.cutConnections(choice) });
  },
  "detach-links": (args, control) => {
    const [condition, description] = [args.text("condition"), args.maybeText("description") ?? "Told to."];
    const choice = readChoice(args);
    return () => ({ ended: control.detachLinks(condition, description, choice) });
  },
  ...switches<EventHubsControl>(),
  state: (args, control) => {
    const hub = args.text("hub");
    return () => control.state(hub);
  },
});

export const EVENT_GRID: Operations<EventGridControl> = {
  "create-topic": (args, control) => {
    const [name, inputSchema] = [args.text("name"), args.maybeText("inputSchema")];
    return () => control.createTopic(name, inputSchema as TopicConfig["inputSchema"]);
  },
  "create-domain": (args, control) => {
    const [name, inputSchema] = [args.text("name"), args.maybeText("inputSchema")];
    return () => control.createDomain(name, inputSchema as TopicConfig["inputSchema"]);
  },
  "create-namespace-topic": (args, control) => {
    const [namespace, name] = [args.text("namespace"), args.text("name")];
    return () => control.createNamespaceTopic(namespace, name);
  },
  "create-subscription": (args, control) => {
    const [topic, config] = [args.text("topic"), args.object("config") ?? {}];
    return () =>
      control.createSubscription(topic, config as unknown as EventSubscriptionConfig | NamespaceSubscriptionConfig);
  },
  "delete-subscription": (args, control) => {
    const [topic, subscription] = [args.text("topic"), args.text("subscription")];
    return () => control.deleteSubscription(topic, subscription);
  },
  "expire-locks": (args, control) => {
    const [topic, subscription, token] = [args.text("topic"), args.text("subscription"), args.maybeText("lockToken")];
    return () => ({ ended: control.expireLocks(topic, subscription, token) });
  },
  refuse: (args, control) => {
    const [status, times, message] = [args.number("status"), args.maybeNumber("times"), args.maybeText("message")];
    return () => control.refuse(status, times, message);
  },
  throttle: (args, control) => {
    const on = args.flag("on");
    const seconds = args.maybeNumber("retryAfterSeconds") ?? 10;
    return () => control.throttle(on ? seconds : false);
  },
  "cut-connections": (_args, control) => () => control.cutConnections(),
  "stop-answering": stopAnswering,
  "advance-clock": advanceClock,
  state: (args, control) => {
    const [topic, subscription] = [args.text("topic"), args.text("subscription")];
    return () => control.state(topic, subscription);
  },
};

interface Switches {
  throttle(isBusy: boolean): void;
  stopAnswering(stopped: boolean): void;
  advanceClock(ms: number): void;
}

function switches<Control extends Switches>(): Operations<Control> {
  return {
    throttle: (args, control) => {
      const on = args.flag("on");
      return () => control.throttle(on);
    },
    "stop-answering": stopAnswering,
    "advance-clock": advanceClock,
  };
}

function stopAnswering(args: Arguments, control: Pick<Switches, "stopAnswering">): () => void {
  const on = args.flag("on");
  return () => control.stopAnswering(on);
}

function advanceClock(args: Arguments, control: Pick<Switches, "advanceClock">): () => void {
  const ms = args.number("ms");
  return () => control.advanceClock(ms);
}

/** Durations are milliseconds; a setting that does not exist is refused. */
function readSettings<Settings extends object>(args: Arguments, defaults: Settings): Partial<Settings> {
  const settings = args.object("settings") ?? {};
  const unknown = Object.keys(settings).find((name) => !Object.hasOwn(defaults, name));
  if (unknown !== undefined) throw new ControlProblem(400, `There is no setting '${unknown}'.`);
  return settings as Partial<Settings>;
}

/** As JSON, a correlation filter's properties are an object. */
function readRule(value: unknown): RuleDescription {
  const rule = value as RuleDescription;
  if (rule?.filter?.kind !== "correlation") return rule;
  const { properties, ...fields } = rule.filter.filter;
  const filter = properties === undefined ? fields : { ...fields, properties: new Map(Object.entries(properties)) };
  return { ...rule, filter: { kind: "correlation", filter } };
}

const readChoice = (args: Arguments) => ({
  hub: args.maybeText("hub"),
  partition: args.maybeText("partition"),
  role: args.maybeText("role") as "sender" | "receiver" | undefined,
});

function readMessage(args: Arguments): PlainMessage {
  return {
    body: args.text("body"),
    contentType: args.maybeText("contentType"),
    messageId: args.maybeText("messageId"),
    subject: args.maybeText("subject"),
    sessionId: args.maybeText("sessionId"),
    partitionKey: args.maybeText("partitionKey"),
    properties: args.object("properties") as PlainMessage["properties"],
  };
}
