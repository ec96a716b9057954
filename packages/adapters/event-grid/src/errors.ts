import { defineErrors } from "@waybill/core/spi";

const table = {
  WB_EVENT_GRID_OPTION: {
    sentence: (p: { option: string; problem: string }) => `eventGrid: the option ${p.option} ${p.problem}.`,
    hint: "The docstrings of EventGridOptions state each option's unit, range and default.",
  },
  WB_EVENT_GRID_CREDENTIALS: {
    sentence: (p: { place: string; problem: string }) => `eventGrid cannot sign in at ${p.place}: ${p.problem}.`,
    hint: "Give an https endpoint and exactly one of key, sas and credential.",
  },
  WB_EVENT_GRID_NAME: {
    sentence: (p: { entity: string; logical: string; name: string; problem: string }) =>
      `The ${p.entity} name ${JSON.stringify(p.name)} for ${p.logical} ${p.problem}.`,
    hint: (p: { logical: string }) =>
      `Topics have 3 to 50, event subscriptions 3 to 64 letters, digits and hyphens. Set it by hand: names: { "${p.logical}": "…" }.`,
  },
  WB_EVENT_GRID_UNDECLARED: {
    sentence: (p: { topic: string; what: string; advice: string }) => `There is no ${p.what} for ${p.topic}.`,
    hint: (p: { advice: string }) => `One way out: ${p.advice}.`,
  },
  WB_EVENT_GRID_CALL: {
    sentence: (p: { doing: string; place: string; answer: string; kind: string; advice: string }) =>
      `${p.doing} ${p.place} failed: ${p.answer}.`,
    hint: (p: { kind: string; advice: string }) => `This is of the kind ${p.kind}: ${p.advice}.`,
  },
  WB_EVENT_GRID_MESSAGE: {
    sentence: (p: { id: string; problem: string }) => `Event Grid cannot carry the message ${p.id}: ${p.problem}.`,
    hint: "Event Grid carries CloudEvents in JSON and no headers: encode the event in structured mode.",
  },
  WB_EVENT_GRID_TOO_LARGE: {
    sentence: (p: { id: string; bytes: number; maxBytes: number }) =>
      `The event ${p.id} takes ${p.bytes} bytes of the ${p.maxBytes} that one request may have.`,
    hint: "Send less, or publish a reference to it. Bytes take a third more, for they travel as Base64.",
  },
  WB_EVENT_GRID_LOST: {
    sentence: (p: { id: string; place: string }) =>
      `The event ${p.id} of ${p.place} is no longer held here: settled already, or its time was over.`,
    hint: "The service delivers it again unless it was acknowledged. Make lockMs no longer than the event subscription's receiveLockDurationInSeconds.",
  },
  WB_EVENT_GRID_REJECT: {
    sentence: (p: { place: string }) =>
      `${p.place} is not known to have a dead-letter destination, and the service would drop what is rejected.`,
    hint: "Core copies to topic/subscription/dead by itself; or name the subscription in deadLettered once it has a destination.",
  },
  WB_EVENT_GRID_CLOSED: {
    sentence: (p: { what: string }) => `The event-grid ${p.what} is closed.`,
    hint: "Open a new one; a closed one takes nothing more.",
  },
};

/** Every error that this adapter raises itself. None of them ever repeats a key, a SAS or a token. */
export const eventGridErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors(table);
