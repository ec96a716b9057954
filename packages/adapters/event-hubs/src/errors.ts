import { defineErrors } from "@waybill/core/spi";

const table = {
  WB_EVENT_HUBS_OPTION: {
    sentence: (p: { option: string; problem: string }) => `eventHubs: the option ${p.option} ${p.problem}.`,
    hint: "The docstrings of EventHubsOptions state each option's unit, range and default.",
  },
  WB_EVENT_HUBS_CREDENTIALS: {
    sentence: (p: { problem: string }) => `eventHubs cannot sign in: ${p.problem}.`,
    hint: "Give connectionString, or fullyQualifiedNamespace with credential; never both.",
  },
  WB_EVENT_HUBS_CHECKPOINTS: {
    sentence: (p: { problem: string }) => `eventHubs has no place for checkpoints: ${p.problem}.`,
    hint: "Give one of: checkpoints: { connectionString, container }; { containerUrl, credential }; { store } with a CheckpointStore. A process that only publishes needs none.",
  },
  WB_EVENT_HUBS_NAME: {
    sentence: (p: { logical: string; entity: string; name: string; problem: string }) =>
      `The ${p.entity} name ${JSON.stringify(p.name)} for ${p.logical} ${p.problem}.`,
    hint: "Names of hubs have 1 to 256, of consumer groups 1 to 50 letters, digits, dots, hyphens and underscores, with a letter or digit at both ends; $Default is a consumer group of every hub.",
  },
  WB_EVENT_HUBS_SUBSCRIPTION: {
    sentence: (p: { topic: string; subscription: string; declared: string }) =>
      `The subscription ${p.subscription} is not among those declared for ${p.topic}: ${p.declared}.`,
    hint: (p: { topic: string; subscription: string }) =>
      `Add ${JSON.stringify(p.subscription)} to subscriptions[${JSON.stringify(p.topic)}], or leave that topic out of subscriptions.`,
  },
  WB_EVENT_HUBS_CALL: {
    sentence: (p: { doing: string; entity: string; answer: string; kind: string; advice: string }) =>
      `${p.doing} ${p.entity} failed: ${p.answer}.`,
    hint: (p: { kind: string; advice: string }) => `This is of the kind ${p.kind}: ${p.advice}.`,
  },
  WB_EVENT_HUBS_MESSAGE: {
    sentence: (p: { id: string; problem: string }) => `An event hub cannot carry the message ${p.id}: ${p.problem}.`,
    hint: "Header values are text or bytes; delays and times to live are not the broker's.",
  },
  WB_EVENT_HUBS_TOO_LARGE: {
    sentence: (p: { id: string; bytes: number; maxBytes: number }) =>
      `The message ${p.id} takes ${p.bytes} bytes of the ${p.maxBytes} that the hub accepts in one batch.`,
    hint: "Send less, or publish a reference to it. The limit is 256 KiB on the Basic tier and 1 MiB on the others.",
  },
  WB_EVENT_HUBS_LOST: {
    sentence: (p: { id: string; hub: string; partition: string }) =>
      `The message ${p.id} of partition ${p.partition} of hub ${p.hub} is no longer held here: another consumer reads that partition now.`,
    hint: "It is delivered again from the last checkpoint. More partitions than consumers, and handlers that end within the ownership time, keep this rare.",
  },
  WB_EVENT_HUBS_SETTLE: {
    sentence: (p: { hub: string; kind: string }) =>
      `A hub (${p.hub}) is a log: it has no way to ${p.kind} a single message.`,
    hint: "Retry in place, or copy the message elsewhere and ack it; core does so by itself.",
  },
  WB_EVENT_HUBS_CLOSED: {
    sentence: (p: { what: string }) => `The event-hubs ${p.what} is closed.`,
    hint: "Open a new one; a closed one takes nothing more.",
  },
};

/** Every error that this adapter raises itself. None of them ever repeats a connection string, key, token or SAS. */
export const eventHubsErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors(table);
