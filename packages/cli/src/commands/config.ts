import { relative } from "node:path";
import type { DescribedValue } from "@waybill/config";
import { Command } from "commander";
import type { Bind } from "../action.ts";
import type { Session } from "../session.ts";

const EXAMPLES = `
Examples:
  waybill config
  waybill config --json --config deploy/waybill.config.yaml
  WAYBILL_PREFIX=test waybill config`;

export function configCommand(bind: Bind): Command {
  return new Command("config")
    .description(
      "Check the configuration and print every value with its origin; secrets are masked. Connects to nothing.",
    )
    .addHelpText("after", EXAMPLES)
    .action(bind(() => printConfig));
}

async function printConfig(session: Session): Promise<undefined> {
  const { file, values } = await session.loaded();
  if (session.json) {
    const flat = values.map(({ origin, ...rest }) => ({ ...rest, ...origin }));
    await session.output.json({ file, values: flat });
    return;
  }
  session.output.note(`# ${relative(process.cwd(), file)}`);
  const texts = values.map((value) => ({ text: `${value.path} = ${shown(value)}`, origin: originText(value) }));
  const width = Math.min(72, Math.max(0, ...texts.map(({ text }) => text.length)));
  for (const { text, origin } of texts) await session.output.line(`${text.padEnd(width)}  # ${origin}`);
}

function shown({ value, secret }: DescribedValue): string {
  return secret ? String(value) : JSON.stringify(value);
}

function originText({ origin: { from, variables } }: DescribedValue): string {
  return variables.length === 0 ? from : `${from} (${variables.join(", ")})`;
}
