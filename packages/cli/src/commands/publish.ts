import type { RawCloudEvent } from "@waybill/core";
import { counted } from "@waybill/core/spi";
import { Command } from "commander";
import type { Action, Bind } from "../action.ts";
import { cliErrors } from "../cli-errors.ts";
import { eventFromJson, eventOf, parseLine } from "../event-json.ts";
import { EXIT } from "../exit-codes.ts";
import { toWaybillError } from "../failure.ts";
import { readLines } from "../read-lines.ts";
import type { Session } from "../session.ts";

interface PublishOptions {
  readonly type?: string;
  readonly data?: string;
  readonly key?: string;
  readonly id?: string;
  readonly subject?: string;
  readonly file?: string;
}

const EXAMPLES = `
Examples:
  waybill publish orders --type com.example.order.placed --key o-1 --data '{"orderId":"o-1"}'
  waybill publish orders --file events.ndjson
  cat rows.ndjson | waybill publish orders --type com.example.row --file -`;

export function publishCommand(bind: Bind): Command {
  return new Command("publish")
    .description("Publish one event, or one for each line of a file. No schema is checked.")
    .argument("<topic>", "the topic's logical name")
    .option("--type <type>", "the CloudEvents type")
    .option("--data <json>", "the data, as JSON")
    .option("--key <key>", "what decides the order (partitionkey)")
    .option("--id <id>", "the event's id (default: a new UUID)")
    .option("--subject <subject>", "the CloudEvents subject")
    .option(
      "--file <file>",
      "newline-delimited JSON, - for standard input: CloudEvents, or with --type the data of each",
    )
    .addHelpText("after", EXAMPLES)
    .action(bind(([topic], options) => publish(topic as string, options)));
}

const GROUP = 500;
/** Further failures are counted and not printed. */
const PRINTED_FAILURES = 20;

const publish =
  (topic: string, options: PublishOptions): Action =>
  async (session) => {
    const usage = (problem: string) => cliErrors.WB_CLI_USAGE({ problem, command: "waybill publish" });
    if (options.file === undefined) {
      if (options.type === undefined) throw usage("An event needs --type, or a --file of events.");
    } else if (options.data !== undefined || options.id !== undefined) {
      throw usage("--data and --id say one event, --file says many; give one or the other.");
    }
    return options.file === undefined
      ? publishOne(session, topic, options as PublishOptions & { type: string })
      : publishFile(session, topic, options, options.file);
  };

async function publishOne(
  session: Session,
  topic: string,
  options: PublishOptions & { type: string },
): Promise<number> {
  const data = options.data === undefined ? undefined : parseData(options.data);
  const { bus } = await session.open({ topic });
  const { type, id, key, subject } = options;
  const event = eventOf(data, { type, id, key, subject, source: bus.source });
  const [outcome] = await bus.publishRaw(topic, [event], { signal: session.shutdown.signal });
  if (outcome?.ok !== true) throw outcome?.error;
  if (session.json) await session.output.json({ topic, published: 1, failed: 0, id: event.id });
  else await session.output.line(`published ${event.id} to ${topic}`);
  return EXIT.ok;
}

function parseData(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const problem = `--data is no JSON (a plain text needs its own quotes: --data '"text"').`;
    throw cliErrors.WB_CLI_USAGE({ problem, command: "waybill publish" });
  }
}

async function publishFile(session: Session, topic: string, options: PublishOptions, file: string): Promise<number> {
  const { bus } = await session.open({ topic });
  const { signal } = session.shutdown;
  const defaults = { source: bus.source, key: options.key, subject: options.subject };
  let published = 0;
  let failed = 0;
  let firstFailure: unknown;
  const fail = (line: number, error: unknown) => {
    failed++;
    firstFailure ??= error;
    if (failed > PRINTED_FAILURES) return;
    const { code, sentence } = toWaybillError(error, "waybill publish");
    session.output.error(
      session.json ? JSON.stringify({ line, error: { code, sentence } }) : `line ${line}: ${code}: ${sentence}`,
    );
  };

  for await (const lines of readLines(file, GROUP, signal)) {
    const events: { line: number; event: RawCloudEvent }[] = [];
    for (const { number, text } of lines) {
      try {
        const document = parseLine(text);
        const { type } = options;
        const event = type === undefined ? eventFromJson(document, defaults) : eventOf(document, { ...defaults, type });
        events.push({ line: number, event });
      } catch (error) {
        fail(number, error);
      }
    }
    const outcomes = await bus.publishRaw(
      topic,
      events.map(({ event }) => event),
    );
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.ok) published++;
      else fail(events[index]?.line ?? 0, outcome.error);
    }
  }
  if (session.json) await session.output.json({ topic, published, failed });
  else await session.output.line(`published ${counted(published, "event")} to ${topic}`);
  if (failed > 0) {
    const total = published + failed;
    throw cliErrors.WB_CLI_INCOMPLETE({ noun: "event", what: "not published", failed, total }, firstFailure);
  }
  return session.shutdown.code ?? EXIT.ok;
}
