import { Command, Option } from "commander";
import type { Action, Bind } from "./action.ts";
import { checkCommand } from "./commands/check/index.ts";
import { configCommand } from "./commands/config.ts";
import { deadCommand } from "./commands/dead/index.ts";
import { devCommand } from "./commands/dev/index.ts";
import { outboxCommand } from "./commands/outbox/index.ts";
import { publishCommand } from "./commands/publish.ts";
import { relayCommand } from "./commands/relay/index.ts";
import { tailCommand } from "./commands/tail.ts";
import { topologyCommand } from "./commands/topology/index.ts";
import { EXIT_HELP } from "./exit-codes.ts";
import { keyValue } from "./option-values.ts";
import type { GlobalOptions } from "./session.ts";

export interface ProgramHost {
  write(text: string): void;
  /** The help that stands for an error, where a command is missing. */
  writeError(text: string): void;
  run(options: GlobalOptions, action: Action): Promise<void>;
}

const LEVELS = ["trace", "debug", "info", "warn", "error", "silent"];

export function createProgram(host: ProgramHost): Command {
  const bind: Bind =
    (make) =>
    (...given) => {
      const command = given.at(-1) as Command;
      const options = command.optsWithGlobals<GlobalOptions & Record<string, unknown>>();
      return host.run(options, make(command.processedArgs as string[], options));
    };
  const program = new Command("waybill")
    .description("Publish, relay and inspect events, whichever broker carries them.")
    .option(
      "--config <file>",
      "the config file (default: the nearest waybill.config.ts, .json, .yaml or .yml; or WAYBILL_CONFIG)",
    )
    .option("--set <path=value>", "override one value of the configuration; may be repeated", keyValue)
    .option("--json", "results and errors as JSON, one document a line")
    .option("--quiet", "print results and errors only")
    .option("--verbose", "print the stack of an error")
    .addOption(new Option("--log-level <level>", "what the relay logs").choices(LEVELS).default("info"))
    .version("0.1.0", "--version")
    .addHelpText("after", EXIT_HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.write(text),
      writeErr: (text) => host.writeError(text),
      outputError: () => undefined,
    })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError(false);
  const commands = [
    relayCommand,
    publishCommand,
    tailCommand,
    deadCommand,
    configCommand,
    checkCommand,
    topologyCommand,
    outboxCommand,
  ];
  for (const make of commands) program.addCommand(inherit(make(bind), program));
  program.addCommand(inherit(devCommand(bind, host.write), program));
  return program;
}

/** Commands made apart do not take over the program's settings by themselves. */
function inherit(command: Command, from: Command): Command {
  command.copyInheritedSettings(from);
  for (const sub of command.commands) inherit(sub, from);
  return command;
}
