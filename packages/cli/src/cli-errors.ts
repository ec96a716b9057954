import { counted, defineErrors } from "@waybill/core/spi";

/** Every error of the commands themselves. */
export const cliErrors = defineErrors({
  WB_CLI_USAGE: {
    sentence: (p: { problem: string; command: string }) => p.problem,
    hint: (p) => `See \`${p.command} --help\`.`,
  },
  WB_CLI_UNEXPECTED: {
    sentence: (p: { problem: string }) => p.problem,
    hint: "Run it again with --verbose to see where it happened.",
  },
  WB_CLI_INPUT: {
    sentence: (p: { problem: string }) => `The line ${p.problem}.`,
    hint: "Without --type each line is one CloudEvent in JSON; with --type each line is the JSON data of one event.",
  },
  WB_CLI_FILE: {
    sentence: (p: { file: string; problem: string }) => `The file ${p.file} cannot be read: ${p.problem}.`,
    hint: "Give the path of a file with one JSON document a line, or - for standard input.",
  },
  WB_CLI_INCOMPLETE: {
    sentence: (p: { noun: string; what: string; failed: number; total: number }) =>
      `${p.failed} of ${counted(p.total, p.noun)} ${p.what}.`,
    hint: "The lines above say which and why. Those that were done need not be repeated.",
  },
  WB_BROKER_UNREACHABLE: {
    sentence: (p: { brokers: string; problem: string }) =>
      `The broker (${p.brokers}) cannot be used: ${p.problem || "it did not answer in time"}.`,
    hint: "Check address, network and credentials; `waybill config` says where each value comes from.",
  },
  WB_RELAY_OVER_MEMORY: {
    sentence: (p: { broker: string }) =>
      `The broker ${p.broker} is memory, which lives in one process: what this relay published would reach nobody and be gone.`,
    hint: "Run the relay inside the service (openRelay of @waybill/config), or configure a broker that several processes share.",
  },
  WB_RELAY_PORT: {
    sentence: (p: { host: string; port: number; problem: string }) =>
      `The relay cannot listen on ${p.host}:${p.port}: ${p.problem}.`,
    hint: "Choose another --port or --host, or 0 for a free port.",
  },
  WB_OUTBOX_NONE_CHOSEN: {
    sentence: (p: { verb: string }) => `Nothing says which dead events to ${p.verb}.`,
    hint: "Give their positions as `waybill outbox dead` lists them, or --topic, --reason or --all.",
  },
  WB_OUTBOX_NOT_DEAD: {
    sentence: (p: { missing: number; total: number; did: string }) =>
      `No dead event is at ${p.missing} of ${counted(p.total, "position")}; the others were ${p.did}.`,
    hint: "List the dead events with `waybill outbox dead`. One that is not there was retried or discarded before, or never given up.",
  },
  WB_DISCARD_UNCONFIRMED: {
    sentence: (p: { events: number }) => `Discarding forgets ${counted(p.events, "event")} for good, never published.`,
    hint: "Say --yes to do it, or --dry-run to see how many it would be.",
  },
  WB_TAIL_NEEDS_SUBSCRIPTION: {
    sentence: (p: { topic: string; broker: string }) =>
      `The broker ${p.broker} gives events of ${p.topic} only to subscriptions that were made for it, so there is none that could be looked at in passing.`,
    hint: "Name a subscription with --subscription: a declared one with --take, and the events printed are taken away from it; or one that you have made for tail alone.",
  },
  WB_TAIL_TAKES: {
    sentence: (p: { topic: string; subscription: string }) =>
      `Every event printed would be taken away from ${p.topic}/${p.subscription}: its own consumers would never see it.`,
    hint: "Say --take if that is meant, or leave --subscription out where the broker can give tail a subscription of its own.",
  },
  WB_DEAD_NOT_FOUND: {
    sentence: (p: { topic: string; subscription: string; id: string; looked: number }) =>
      `No dead letter with id ${p.id} is among the ${p.looked} looked at in ${p.topic}/${p.subscription}.`,
    hint: "Raise --max to look further, or list them with `waybill dead list`.",
  },
  WB_PURGE_UNCONFIRMED: {
    sentence: (p: { topic: string; subscription: string }) =>
      `Purging removes dead letters of ${p.topic}/${p.subscription} for good.`,
    hint: "Say --yes to do it, or --dry-run to see how many it would be.",
  },
  WB_TOPOLOGY_UNCONFIRMED: {
    sentence: () => "Applying changes the brokers, and there is no terminal to ask at.",
    hint: "Look at `waybill topology plan`, then say --yes.",
  },
  WB_CLI_DRAIN_DEADLINE: {
    sentence: (p: { deadlineMs: number; abandoned: number }) =>
      `${counted(p.abandoned, "event")} had not been finished when the drain's ${p.deadlineMs} ms were over.`,
    hint: "None is lost: they are delivered or published again. Raise --drain-timeout if that happens often.",
  },
});
