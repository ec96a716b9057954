import type { DeadRow } from "@waybill/outbox";
import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { EXIT } from "../../exit-codes.ts";
import { chosen, type DeadChoice, withChoice } from "./selection.ts";
import { withStore } from "./with-store.ts";

const EXAMPLES = `
Examples:
  waybill outbox dead
  waybill outbox dead --topic orders --json | jq .event`;

export function deadCommand(bind: Bind): Command {
  return withChoice(new Command("dead"))
    .description("List the events that the relay gave up; they stay where they are.")
    .addHelpText("after", EXAMPLES)
    .action(bind((_, options) => list(options as DeadChoice)));
}

const list =
  (choice: DeadChoice): Action =>
  (session) =>
    withStore(session, async (store) => {
      const { json, output, shutdown } = session;
      let listed = 0;
      for await (const rows of chosen(store, { max: 100, ...choice }, shutdown.signal)) {
        for (const row of rows) {
          await (json ? output.json(rowJson(row)) : output.line(rowLine(row)));
          listed++;
        }
      }
      output.note(`${listed} listed${listed === (choice.max ?? 100) ? "; there may be more, raise --max" : ""}`);
      return shutdown.code ?? EXIT.ok;
    });

function rowJson({ event, key, deadAtMs, ...row }: DeadRow): Record<string, unknown> {
  return { ...row, key: key ?? null, deadAt: new Date(deadAtMs).toISOString(), event: eventOf(event) };
}

/** What the row holds, as text where it is no JSON. */
function eventOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function rowLine({ position, topic, key, reason, attempts, error, deadAtMs, haltsKey }: DeadRow): string {
  const flat = error.replace(/\s+/g, " ");
  const short = flat.length > 120 ? `${flat.slice(0, 119)}…` : flat;
  const place = key === undefined ? topic : `${topic} key ${key}`;
  const halts = haltsKey ? " (its key waits)" : "";
  return `${position}  ${new Date(deadAtMs).toISOString()}  ${place}  ${reason} after ${attempts}${halts}  ${short}`.trimEnd();
}
