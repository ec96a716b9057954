import { join } from "node:path";
import { type Azurite, startAzurite } from "./azurite.ts";
import { type Controls, openControlDoor } from "./control-door/control-door.ts";
import { blobDeadLetters } from "./event-grid/blob-dead-letters.ts";
import type { DeadLetterWriter } from "./event-grid/dead-letters.ts";
import { type EventGridEmulator, type EventGridEmulatorOptions, startEventGridEmulator } from "./event-grid/start.ts";
import { type EventHubsEmulator, type EventHubsEmulatorOptions, startEventHubsEmulator } from "./event-hubs/start.ts";
import { neighbours } from "./neighbours.ts";
import {
  type ServiceBusEmulator,
  type ServiceBusEmulatorOptions,
  startServiceBusEmulator,
} from "./service-bus/start.ts";
import { identityOf, type TlsIdentity } from "./tls-door.ts";

/** What `startEmulators` can start; `storage` is Azurite, queues and blobs. */
export const EMULATORS = ["service-bus", "event-hubs", "event-grid", "storage"] as const;
export type EmulatorName = (typeof EMULATORS)[number];

export interface EmulatorsConfig {
  /** Default: all of them. */
  readonly only?: readonly EmulatorName[] | undefined;
  /**
   * Each keeps its data here, in a folder of its own, which is made if missing: over a restart of the process, also after a kill.
   * Absent: everything is in memory.
   */
  readonly dataDir?: string | undefined;
  /**
   * Default 127.0.0.1. Anything else opens the three emulators to others, and they have no authentication of substance. Azurite
   * stays on loopback.
   */
  readonly host?: string | undefined;
  /**
   * Opens every emulator over TLS too, all with one certificate, `Emulators.certificate`. Default false. `tls` of one emulator comes
   * before it.
   */
  readonly tls?: boolean | TlsIdentity | undefined;
  /**
   * Opens the control interface over HTTP, on this port of 127.0.0.1, or a free one with `true`: for tests in other languages and
   * processes. Default false.
   */
  readonly control?: boolean | number | undefined;
  readonly serviceBus?: Omit<ServiceBusEmulatorOptions, "host" | "dataDir"> | undefined;
  readonly eventHubs?: Omit<EventHubsEmulatorOptions, "host" | "dataDir"> | undefined;
  /**
   * A destination's `entity` names a queue, topic or hub of the emulators started here. With `storage` running, a subscription's `deadLetter: "storage"` writes to its blobs, in the container
   * `dead-letters`.
   */
  readonly eventGrid?: Omit<EventGridEmulatorOptions, "host" | "dataDir" | "neighbours"> | undefined;
}

/** What was started; the others are undefined. */
export interface Emulators {
  readonly serviceBus: ServiceBusEmulator | undefined;
  readonly eventHubs: EventHubsEmulator | undefined;
  readonly eventGrid: EventGridEmulator | undefined;
  readonly storage: Azurite | undefined;
  /** With `tls`: the certificate to trust, PEM, for a file that NODE_EXTRA_CA_CERTS names. */
  readonly certificate: string | undefined;
  /** With `control`: where the faults and the state can be asked for over HTTP. */
  readonly controlUrl: string | undefined;
  /** Closes all of them, and resolves when ports and processes are gone. Rejects with what failed, after trying each. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts the emulators in this process, side by side, on free ports; Azurite is a child process that ends with this one. Resolves when
 * all of them answer. Rejects with the first error when one does not start, and then the others are closed again.
 */
export async function startEmulators(config: EmulatorsConfig = {}): Promise<Emulators> {
  const { dataDir, host, only = EMULATORS } = config;
  const unknown = only.find((name) => !EMULATORS.includes(name));
  if (unknown !== undefined) throw new RangeError(`There is no emulator '${unknown}', only ${EMULATORS.join(", ")}.`);
  const tls = await identityOf(config.tls);
  const closers: (() => Promise<void>)[] = [];
  const start = async <T>(name: EmulatorName, open: () => Promise<T>, shut: (opened: T) => Promise<void>) => {
    if (!only.includes(name)) return undefined;
    const opened = await open();
    closers.push(() => shut(opened));
    return opened;
  };
  const folder = (name: EmulatorName) => (dataDir === undefined ? undefined : join(dataDir, name));
  const azurite = start(
    "storage",
    () => startAzurite({ queues: true, blobs: true, dataDir: folder("storage") }),
    (opened) => opened.stop(),
  );
  const bus = start(
    "service-bus",
    () => startServiceBusEmulator({ tls, ...config.serviceBus, host, dataDir: folder("service-bus") }),
    closeIt,
  );
  const hubs = start(
    "event-hubs",
    () => startEventHubsEmulator({ tls, ...config.eventHubs, host, dataDir: folder("event-hubs") }),
    closeIt,
  );
  const around = { serviceBus: () => bus, eventHubs: () => hubs, storage: () => azurite };
  const deadLetters = { ...toBlobs(azurite), ...config.eventGrid?.deadLetters };
  const own = { host, dataDir: folder("event-grid"), deadLetters, neighbours: neighbours(around) };
  const grid = start("event-grid", () => startEventGridEmulator({ tls, ...config.eventGrid, ...own }), closeIt);
  const starting = [bus, hubs, grid, azurite] as const;

  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= closeAll(closers);
    return closing;
  };
  try {
    const [serviceBus, eventHubs, eventGrid, storage] = await Promise.all(starting);
    const door = await openControl(config.control, { serviceBus, eventHubs, eventGrid });
    if (door !== undefined) closers.push(() => door.close());
    return {
      serviceBus,
      eventHubs,
      eventGrid,
      storage,
      certificate: tls?.certificate,
      controlUrl: door?.url,
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await Promise.allSettled(starting);
    // Why one did not start says more than why another did not stop.
    await close().catch(() => undefined);
    throw error;
  }
}

const openControl = async (control: boolean | number | undefined, controls: Controls) =>
  control === undefined || control === false
    ? undefined
    : await openControlDoor(controls, control === true ? 0 : control);

const closeIt = (opened: { close(): Promise<void> }) => opened.close();

async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  const closed = await Promise.allSettled(closers.map((close) => close()));
  const failed = closed.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Waits for Azurite when the first dead letter comes, so that Event Grid need not wait for it to start. */
function toBlobs(starting: Promise<Azurite | undefined>): { storage: DeadLetterWriter } {
  let writer: DeadLetterWriter | undefined;
  return {
    storage: async (path, json) => {
      const connectionString = (await starting)?.connectionString;
      if (connectionString === undefined) throw new Error("Dead letters go to storage, which was not started.");
      writer ??= blobDeadLetters({ connectionString, container: "dead-letters" });
      await writer(path, json);
    },
  };
}
