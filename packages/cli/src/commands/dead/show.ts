import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { cliErrors } from "../../cli-errors.ts";
import { wholeNumber } from "../../option-values.ts";
import { deadLetterJson } from "./dead-letter-text.ts";
import { openLetters } from "./open-letters.ts";
import { withPlace } from "./selection.ts";

const EXAMPLES = `
Examples:
  waybill dead show orders billing 0190b6c8-7d7e-7a53-b7fc-2f1b7d5e0001
  waybill dead show orders billing o-1 --json | jq .event.data`;

export function showCommand(bind: Bind): Command {
  return withPlace(
    new Command("show").description("Show one dead letter whole: its reason, and the event or its bytes."),
  )
    .argument("<id>", "the event's id")
    .option("--max <n>", "look at so many from the head", wholeNumber, 1_000)
    .addHelpText("after", EXAMPLES)
    .action(
      bind(([topic, subscription, id], { max }) =>
        show(topic as string, subscription as string, id as string, max as number),
      ),
    );
}

const show =
  (topic: string, subscription: string, id: string, max: number): Action =>
  async (session) => {
    const { json, output } = session;
    const letters = await openLetters(session, topic, subscription);
    try {
      const records = await letters.list({ max });
      const record = records.find((one) => one.id === id);
      if (record === undefined) {
        throw cliErrors.WB_DEAD_NOT_FOUND({ topic, subscription, id, looked: records.length });
      }
      const document = deadLetterJson(record);
      await (json ? output.json(document) : output.line(JSON.stringify(document, null, 2)));
      return undefined;
    } finally {
      await letters.close();
    }
  };
