import { z } from "zod";
import { choice, count, durations, fact, name, text } from "./fields.ts";

const jitterError = "must be a number from 0 to 1";

function retryOf(attempts: string) {
  return {
    attempts: count(1, 1_000, `Tries in all. Default ${attempts}.`),
    factor: z
      .number({ error: "must be a number" })
      .min(1, { error: "must be at least 1" })
      .optional()
      .describe("Each further wait is so many times longer. Default 2."),
    jitter: z
      .number({ error: jitterError })
      .min(0, { error: jitterError })
      .max(1, { error: jitterError })
      .optional()
      .describe("Share of each wait that is random. Default 0.2."),
    ...durations({
      initial: "Wait before the second attempt. Default 200ms.",
      max: "No wait is longer. Default 1m.",
    }),
  };
}

/** What an operator may set for a subscription without touching code; wins over what the code says. */
export const subscription = z.strictObject({
  concurrency: count(1, 10_000, "Handlers at work at once. Default 16."),
  order: choice(["required", "preferred", "none"], "Whether order per key is kept. Default preferred."),
  startFrom: choice(["earliest", "latest"], "For a subscription without a position yet. Default earliest."),
  retry: z
    .strictObject({
      ...retryOf("5"),
      ...durations({ inPlace: "Waits up to this stay in the process. Default 1s." }),
    })
    .optional()
    .describe("When and how often a failed event is tried again."),
  ...durations({ handlerTimeout: "After so long an attempt has failed. Default 5m." }),
  afterDeadLetter: choice(
    ["continue", "halt-key"],
    "What becomes of a key whose event was given up. Default continue.",
  ),
  unknown: choice(["ignore", "dead-letter"], "Event types the code does not know. Default ignore."),
  deadLetterTo: name.optional().describe("Topic for events that are given up. Default: the broker's own place."),
  retryBroker: name
    .optional()
    .describe("The broker that keeps what returns to it alone: later retries and redrives. Default: the topic's own."),
  maxDeliveries: count(1, 1_000_000, "Deliveries of one message after which it is given up. Default 50."),
  maxInFlight: count(
    1,
    1_000_000,
    "Events received and not settled yet. Default 4 × concurrency, at least 64; without a lease at least 1 024.",
  ),
  maxInFlightBytes: count(1, 2 ** 40, "Bytes of them. Default 64 MiB."),
});

export const relay = z.strictObject({
  batch: count(1, 10_000, "Events in one call of the publisher. Default 500."),
  concurrency: count(1, 64, "Calls of the publisher at once. Default 4."),
  maxBacklog: count(
    1,
    1_000_000_000,
    "The relay waits while more events than this wait in any declared subscription. Default: no limit.",
  ),
  ...durations({
    lease: "Another relay takes over so long after this one fell silent, 300ms to 10m. Default 5s.",
    poll: "How often to look for events of other processes when idle. Default 50ms, PostgreSQL 1s.",
    mark: "Published rows are removed together after so long. Default 100ms.",
    maxRest: "A topic of which nothing comes through is tried at least so often. Default 5s.",
  }),
  retry: z.strictObject(retryOf("15")).optional().describe("How often one event is tried."),
  onPoison: choice(["continue", "halt-key"], "What becomes of a key whose event was given up. Default continue."),
  retention: z
    .strictObject(durations({ keepSent: "How long published events stay readable in the store. Default: not at all." }))
    .optional(),
});

/** The stores check what fits together; here typing slips are found. */
export const claimCheck = z.strictObject({
  store: z
    .enum(["folder", "blob"], { error: "must be one of folder, blob" })
    .describe("Where the data of events goes that are too large for the broker."),
  path: text("folder: where; a relative path counts from the config file's folder.").optional(),
  connectionString: text("blob: of the account, with its key or a SAS. Take it from the environment.").optional(),
  endpoint: text("blob: https://ACCOUNT.blob.core.windows.net, together with credential.").optional(),
  credential: z.unknown().optional().describe("blob: signs in at endpoint; only a .ts config can hold one."),
  containerUrl: text("blob: URL of the container with a SAS. Take it from the environment.").optional(),
  container: text("blob: the container. Default waybill-claims.").optional(),
  createContainer: fact("blob: make the container when it is not there. Default true."),
  maxBytes: count(1, 2_147_483_647, "Larger data is refused. Default 64 MiB."),
  ...durations({ requestTimeout: "blob: how long one call may take. Default 30s." }),
});
