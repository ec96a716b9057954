import { defineErrors } from "@waybill/core/spi";

const table = {
  WB_STORAGE_QUEUE_OPTION: {
    sentence: (p: { option: string; problem: string }) => `storageQueue: the option ${p.option} ${p.problem}.`,
    hint: "The docstrings of StorageQueueOptions state each option's unit, range and default.",
  },
  WB_STORAGE_QUEUE_CREDENTIALS: {
    sentence: (p: { problem: string }) => `storageQueue cannot sign in: ${p.problem}.`,
    hint: "Give exactly one of: connectionString; endpoint with credential; sasUrl.",
  },
  WB_STORAGE_QUEUE_NAME: {
    sentence: (p: { logical: string; queue: string; problem: string }) =>
      `The queue name ${JSON.stringify(p.queue)} for ${p.logical} ${p.problem}.`,
    hint: (p: { logical: string }) =>
      `Queue names have 3 to 63 characters: a-z, 0-9 and single hyphens inside. Set it by hand: names: { "${p.logical}": "…" }.`,
  },
  WB_STORAGE_QUEUE_UNDECLARED: {
    sentence: (p: { topic: string }) =>
      `The topic ${p.topic} has no declared subscriptions, so an event would reach nobody.`,
    hint: (p: { topic: string }) =>
      `A storage queue has one reader, so the sender makes a copy for each subscription: subscriptions: { "${p.topic}": ["…"] }.`,
  },
  WB_STORAGE_QUEUE_SUBSCRIPTION: {
    sentence: (p: { topic: string; subscription: string; declared: string }) =>
      `The subscription ${p.subscription} is not among those declared for ${p.topic}: ${p.declared}. Senders would make no copy for it.`,
    hint: (p: { topic: string; subscription: string }) =>
      `Add ${JSON.stringify(p.subscription)} to subscriptions[${JSON.stringify(p.topic)}].`,
  },
  WB_STORAGE_QUEUE_CALL: {
    sentence: (p: { doing: string; queue: string; answer: string; kind: string; advice: string }) =>
      `${p.doing} queue ${p.queue} failed: ${p.answer}.`,
    hint: (p: { kind: string; advice: string }) => `This is of the kind ${p.kind}: ${p.advice}.`,
  },
  WB_STORAGE_QUEUE_TEXT: {
    sentence: (p: { id: string; problem: string }) =>
      `The message ${p.id} cannot be carried as text: its body ${p.problem}.`,
    hint: 'Use encoding: "base64", which carries any bytes, or escape the character as \\uXXXX in JSON.',
  },
  WB_STORAGE_QUEUE_MESSAGE: {
    sentence: (p: { id: string; problem: string }) => `A storage queue cannot carry the message ${p.id}: ${p.problem}.`,
    hint: "Storage queues carry one text and no headers: encode the event in structured mode.",
  },
  WB_STORAGE_QUEUE_TOO_LARGE: {
    sentence: (p: { id: string; bytes: number; maxBytes: number }) =>
      `The message ${p.id} takes ${p.bytes} bytes of a queue message's ${p.maxBytes}, with room for its attempt.`,
    hint: 'Send less, publish a reference to it, or use encoding: "text", which carries a third more.',
  },
  WB_STORAGE_QUEUE_LOST: {
    sentence: (p: { id: string; queue: string }) =>
      `The message ${p.id} of queue ${p.queue} is no longer held here: settled already, or its visibility ended.`,
    hint: "The broker delivers it again if it was not deleted. Raise visibilityMs if handlers block the event loop for long.",
  },
  WB_STORAGE_QUEUE_REJECT: {
    sentence: (p: { queue: string }) => `The queue ${p.queue} has no dead-letter store of its own to reject into.`,
    hint: "Copy the message to topic/subscription/dead, then ack it; core does so by itself.",
  },
  WB_STORAGE_QUEUE_CLOSED: {
    sentence: (p: { what: string }) => `The storage-queue ${p.what} is closed.`,
    hint: "Open a new one; a closed one takes nothing more.",
  },
};

/** Every error that this adapter raises itself. None of them ever repeats a connection string, key or SAS. */
export const storageQueueErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors(table);
