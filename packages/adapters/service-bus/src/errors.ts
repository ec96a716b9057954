import { defineErrors } from "@waybill/core/spi";

const table = {
  WB_SERVICE_BUS_OPTION: {
    sentence: (p: { option: string; problem: string }) => `serviceBus: the option ${p.option} ${p.problem}.`,
    hint: "The docstrings of ServiceBusOptions state each option's unit, range and default.",
  },
  WB_SERVICE_BUS_CREDENTIALS: {
    sentence: (p: { problem: string }) => `serviceBus cannot sign in: ${p.problem}.`,
    hint: "Give either connectionString (with a key or a SAS), or namespace with credential.",
  },
  WB_SERVICE_BUS_NAME: {
    sentence: (p: { logical: string; entity: string; problem: string }) =>
      `The entity name ${JSON.stringify(p.entity)} for ${p.logical} ${p.problem}.`,
    hint: (p: { logical: string }) =>
      `Names start and end with a letter or digit and hold those and . _ - (queues and topics also /). Set it by hand: names: { ${JSON.stringify(p.logical)}: "…" }.`,
  },
  WB_SERVICE_BUS_PLACE: {
    sentence: (p: { place: string; problem: string }) => `${p.place} ${p.problem}.`,
    hint: "Topics are published to by name, a subscription's own queue as topic/subscription; dead letters are written by rejecting.",
  },
  WB_SERVICE_BUS_CALL: {
    sentence: (p: { doing: string; entity: string; answer: string; kind: string; advice: string }) =>
      `${p.doing} ${p.entity} failed: ${p.answer}.`,
    hint: (p: { kind: string; advice: string }) => `This is of the kind ${p.kind}: ${p.advice}.`,
  },
  WB_SERVICE_BUS_TOO_LARGE: {
    sentence: (p: { id: string; what: string; bytes: number; maxBytes: number }) =>
      `The message ${p.id} is too large ${p.what}: ${p.bytes} bytes, where ${p.maxBytes} are taken.`,
    hint: "Attributes of an event are properties: keep them short, and put what is long into the data. Of data send less, publish a reference, or use a Premium namespace, whose entities can be set to take up to 100 MB.",
  },
  WB_SERVICE_BUS_LOST: {
    sentence: (p: { id: string; entity: string }) =>
      `The message ${p.id} of ${p.entity} is no longer held here: settled already, or its lock ended.`,
    hint: "The broker delivers it again if it was not completed. Raise the entity's lock duration (and lockMs with it) if handlers block the event loop for long.",
  },
  WB_SERVICE_BUS_REJECT: {
    sentence: (p: { entity: string }) => `${p.entity} holds dead letters already, so nothing in it can be rejected.`,
    hint: "Ack it when it is done with, or release it.",
  },
  WB_SERVICE_BUS_CLOSED: {
    sentence: (p: { what: string }) => `The service-bus ${p.what} is closed.`,
    hint: "Open a new one; a closed one takes nothing more.",
  },
};

/** Every error that this adapter raises itself. None of them ever repeats a connection string, key, SAS or token. */
export const serviceBusErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors(table);
