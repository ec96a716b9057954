import type { DeadLetterRecord } from "@waybill/core";
import type { Command } from "commander";

/** Which dead letters a command means. */
export interface Selection {
  readonly type?: string;
  readonly id?: string;
  readonly reason?: string;
}

export function withPlace(command: Command): Command {
  return command
    .argument("<topic>", "the topic's logical name")
    .argument("<subscription>", "the subscription's logical name");
}

export function withSelection(command: Command): Command {
  return command
    .option("--type <type>", "only events of this type")
    .option("--id <id>", "only the event with this id")
    .option("--reason <reason>", "only those given up for this reason: handler-failed, invalid, expired, …");
}

/** Undefined where everything is meant, so that nothing is decoded for it. */
export function filterOf({ type, id, reason }: Selection): ((record: DeadLetterRecord) => boolean) | undefined {
  if (type === undefined && id === undefined && reason === undefined) return undefined;
  return (record) =>
    (type === undefined || record.event?.type === type) &&
    (id === undefined || record.id === id) &&
    (reason === undefined || record.reason?.reason === reason);
}
