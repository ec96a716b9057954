import { Command } from "commander";
import type { Bind } from "../../action.ts";
import { type DevOptions, dev } from "./dev.ts";
import { ABOUT_KAFKA } from "./kafka.ts";
import { controlPort, devNames, NAMES } from "./names.ts";

const EXAMPLES = `
Prints the addresses as environment variables, and a waybill.config.yaml that uses them; with --json, the addresses as one object. Stays
until SIGINT or SIGTERM, stops what it started and exits 0; a second signal ends it at once. Each emulator has a topic orders with a
subscription billing, unless a file says which entities there are.

These are stand-ins for development and tests, not a service: whoever reaches a port may send and read.
${ABOUT_KAFKA}

Examples:
  waybill dev
  waybill dev --only service-bus,storage --data ./.waybill-dev
  waybill dev --env-out .env.waybill --config-out waybill.config.yaml
  waybill dev --no-kafka --control 4000
  waybill dev --json`;

/** `write` puts out text as it is: the addresses hold keys, which open nothing but these emulators and must not be masked. */
export function devCommand(bind: Bind, write: (text: string) => void): Command {
  return new Command("dev")
    .description(
      "Run the brokers on this machine: Service Bus, Event Hubs, Event Grid, Storage queues and blobs, Kafka.",
    )
    .option("--only <names>", `some of ${NAMES.join(", ")}, with commas between`, devNames)
    .option("--data <folder>", "keep queues, blobs, messages and events there, over a restart and a kill")
    .option("--host <address>", "listen there instead of on loopback; storage stays on loopback")
    .option("--no-kafka", "start without Kafka")
    .option(
      "--control <port>",
      "answer requests for faults and for the state over HTTP there; default: a free port",
      controlPort,
    )
    .option("--env-out <file>", "write the environment variables there, anew at each start")
    .option("--config-out <file>", "write the config there, unless the file exists")
    .option("--certificate-out <file>", "speak TLS too, and AMQP over WebSocket, and write the certificate there")
    .option("--service-bus-config <file>", "entities, in the shape of the official emulator's Config.json")
    .option("--event-hubs-config <file>", "hubs, in the shape of the official emulator's Config.json")
    .option("--event-grid-config <file>", "topics and namespaces with their subscriptions, as JSON")
    .addHelpText("after", EXAMPLES)
    .action(bind((_, options) => dev(options as DevOptions, write)));
}
