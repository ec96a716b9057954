import { brokerOf, type LoadedConfig, loadConfig, openAdapters, openBus } from "@waybill/config";
import { type Bus, isWaybillError, type Observer } from "@waybill/core";
import type { Adapter, ErrorKind } from "@waybill/core/spi";
import { cliErrors } from "./cli-errors.ts";
import type { Output } from "./output.ts";
import type { Redactor } from "./redactor.ts";
import type { Shutdown } from "./shutdown.ts";
import { within } from "./within.ts";

export interface GlobalOptions {
  readonly config?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly logLevel: string;
}

/** What a command works with: the options that all share, the output, and the bus, opened when it is first asked for. */
export interface Session {
  readonly options: GlobalOptions;
  readonly json: boolean;
  readonly output: Output;
  readonly redactor: Redactor;
  readonly shutdown: Shutdown;
  loaded(): Promise<LoadedConfig>;
  /**
   * The bus and its adapters; rejects with WB_BROKER_UNREACHABLE unless every broker answers, with `topic` the one that carries it, or `evenIfDown` is
   * set. `changed`: another configuration than the one that was read.
   */
  open(options?: OpenOptions): Promise<OpenedBus>;
  /** Why a broker that was opened cannot be reached just now; undefined when all can, or none was opened. */
  brokerTrouble(): Promise<Error | undefined>;
  /** True when an opened broker knows the error, or a cause of it, as one of network or credentials. */
  isBrokerFault(error: unknown): boolean;
  /** Closes the bus; answers within `withinMs` (default 5 000), since a broker that does not answer must not keep the command. */
  close(options?: { withinMs?: number }): Promise<void>;
}

export interface OpenOptions {
  readonly observers?: readonly Observer[];
  readonly evenIfDown?: boolean;
  /** Another broker may be down: it has no part in what is to be done, or the work itself will say so. */
  readonly topic?: string;
  readonly changed?: (loaded: LoadedConfig) => LoadedConfig;
}

export interface OpenedBus {
  readonly bus: Bus;
  readonly adapters: Readonly<Record<string, Adapter>>;
  readonly loaded: LoadedConfig;
}

const HEALTH_MS = 5_000;
const CLOSE_MS = 5_000;
/** After a signal, for commands that do not say how long: enough for a broker that answers at all. */
const FINISH_MS = 2_000;

export function createSession(parts: Pick<Session, "options" | "output" | "redactor" | "shutdown">): Session {
  const { options, redactor } = parts;
  let loading: Promise<LoadedConfig> | undefined;
  let opened: OpenedBus | undefined;
  let closing: Promise<void> | undefined;

  async function load(): Promise<LoadedConfig> {
    const loaded = await loadConfig({ file: options.config, overrides: options.set });
    redactor.add(loaded.secrets);
    return loaded;
  }

  const isOfKind = (error: unknown, kind: ErrorKind): boolean =>
    Object.values(opened?.adapters ?? {}).some((adapter) =>
      causes(error).some((one) => adapter.classify(one) === kind),
    );

  async function brokerTrouble(only?: string): Promise<Error | undefined> {
    if (opened === undefined) return undefined;
    const signal = AbortSignal.timeout(HEALTH_MS);
    const asked = Object.entries(opened.adapters).filter(([name]) => only === undefined || name === only);
    const answers = await Promise.all(
      asked.map(async ([name, adapter]) => ({
        name: `${name}: ${adapter.name}`,
        health: await adapter.health(signal),
      })),
    );
    // Asking for the broker's health may need more rights than the work itself: that a right is missing, the work shall say.
    const down = answers.flatMap(({ name, health }) =>
      health.ok || isOfKind(health.error, "unauthorized") ? [] : [{ name, error: health.error }],
    );
    const [first] = down;
    if (first === undefined) return undefined;
    const { error } = first;
    const brokers = down.map(({ name }) => name).join(", ");
    const problem = error instanceof Error ? firstLine(error) : "";
    return cliErrors.WB_BROKER_UNREACHABLE({ brokers, problem }, error);
  }

  async function close(withinMs: number): Promise<void> {
    if (opened === undefined || (await within(withinMs, opened.bus.close()))) return;
    parts.output.note("a broker did not answer while it was closed, and was left");
  }

  const session: Session = {
    ...parts,
    json: options.json === true,
    loaded: () => {
      loading ??= load();
      return loading;
    },
    open: async ({ observers = [], evenIfDown = false, topic, changed } = {}) => {
      parts.shutdown.finishWithin(FINISH_MS);
      const read = await session.loaded();
      const loaded = changed?.(read) ?? read;
      const adapters = await openAdapters(loaded);
      if (Object.values(loaded.config.brokers).some(({ adapter }) => adapter === "memory")) {
        parts.output.note("the memory broker lives in this process only: its events are gone when this command ends");
      }
      opened = { bus: await openBus({ loaded, adapters, observers, topology: "leave" }), adapters, loaded };
      const carrier = topic === undefined ? undefined : brokerOf(loaded.config, topic);
      const trouble = evenIfDown ? undefined : await brokerTrouble(carrier);
      // Where an entity is missing, a broker has answered; whether it is needed, the work shall say: `topology` is there to make it.
      if (trouble !== undefined && !isOfKind(trouble, "not-found")) throw trouble;
      return opened;
    },
    brokerTrouble: () => brokerTrouble(),
    isBrokerFault: (error) => isOfKind(error, "unauthorized") || isOfKind(error, "transient"),
    close: ({ withinMs = CLOSE_MS } = {}) => {
      closing ??= close(withinMs);
      return closing;
    },
  };
  return session;
}

function causes(error: unknown): unknown[] {
  return error instanceof Error && error.cause !== undefined ? [error, ...causes(error.cause)] : [error];
}

function firstLine(error: Error): string {
  const text = isWaybillError(error) ? error.sentence : error.message || error.name;
  const line = text.split("\n")[0] as string;
  return line.trim().replace(/[.\s]+$/, "");
}
