import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { TokenCheck } from "../amqp/cbs.ts";
import type { ConnectionLimits } from "../amqp/connection.ts";
import type { Listener } from "../amqp/listener.ts";
import { createClock, type MovableClock } from "../clock.ts";
import { openNamespacePort } from "../namespace-port.ts";
import { Access } from "../shared-access/access.ts";
import { type AccessPolicy, ROOT_POLICY } from "../shared-access/access-policy.ts";
import { identityOf, type TlsIdentity } from "../tls-door.ts";
import { type EventHubsConfig, readConfig } from "./config.ts";
import { createControl, type EventHubsControl } from "./control.ts";
import { FaultPlan } from "./fault-plan.ts";
import type { HubOptions } from "./hub-settings.ts";
import { Hubs } from "./hubs.ts";
import { Namespace } from "./namespace.ts";

export interface EventHubsEmulatorOptions extends ConnectionLimits {
  /** Hubs by name. More can come through `control.createHub`. */
  readonly hubs?: Readonly<Record<string, HubOptions>> | undefined;
  /** Hubs in the shape of the official emulator's Config.json: the object, or the path of the file. */
  readonly config?: EventHubsConfig | string | undefined;
  /** Default 127.0.0.1. Anything else opens the emulator to others: it has no authentication of substance. */
  readonly host?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
  /** Default: the machine's time, which `control.advanceClock` moves. */
  readonly clock?: MovableClock | undefined;
  /** Keeps the events in this folder, over a restart of the process, not of a machine that loses its power; absent: in memory. One emulator at a time. */
  readonly dataDir?: string | undefined;
  /**
   * Keys, and what they open. Given, nobody is let in with another one, but with RootManageSharedAccessKey and the key SAS_KEY_VALUE,
   * and with any bearer token. Default: whoever gives the name of a key that is not known here is let in.
   */
  readonly accessPolicies?: readonly AccessPolicy[] | undefined;
  /** Looks at the token of each entity, after its keys. Default: refuses none. */
  readonly checkToken?: TokenCheck | undefined;
  /**
   * Also speaks TLS on the same port, AMQP and AMQP over WebSocket, with a certificate made at the start, or with an identity that
   * several emulators share: token credentials insist on it. Default false.
   */
  readonly tls?: boolean | TlsIdentity | undefined;
}

export interface EventHubsEmulator {
  /** With `tls`: the certificate to trust, PEM, for a file that NODE_EXTRA_CA_CERTS names. */
  readonly certificate: string | undefined;
  /** For every hub: give the hub's name beside it. `UseDevelopmentEmulator=true` is in it. */
  readonly connectionString: string;
  readonly port: number;
  readonly control: EventHubsControl;
  /** Cuts every connection and frees the port. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts an Event Hubs namespace in this process, for tests and development: it is no service, and whoever reaches the port may send and
 * read. Rejects when the port is taken, the folder cannot be written or the config is wrong.
 */
export async function startEventHubsEmulator(options: EventHubsEmulatorOptions = {}): Promise<EventHubsEmulator> {
  const { config } = options;
  const file = typeof config === "string" ? (JSON.parse(await readFile(config, "utf8")) as EventHubsConfig) : config;
  const clock = options.clock ?? createClock();
  const hubs = new Hubs(clock, options.dataDir);
  const faults = new FaultPlan();
  const { accessPolicies, checkToken = () => undefined } = options;
  const known = accessPolicies === undefined ? [] : [ROOT_POLICY, ...accessPolicies];
  const access = new Access(() => known, accessPolicies !== undefined);
  const namespace = new Namespace(hubs, faults, clock, access, checkToken);
  let listener: Listener;
  let identity: TlsIdentity | undefined;
  const open = () => {
    for (const [name, hub] of file === undefined ? [] : readConfig(file)) hubs.create(name, hub);
    for (const [name, hub] of Object.entries(options.hubs ?? {})) hubs.create(name, hub);
    hubs.restore();
    return openNamespacePort({ ...options, handler: namespace, http: openPlainDoor(), tls: identity });
  };
  const release = () => {
    hubs.close();
    if (options.clock === undefined) clock.stop();
  };
  try {
    identity = await identityOf(options.tls);
    listener = await open();
  } catch (error) {
    release();
    throw error;
  }
  const host = listener.host === "0.0.0.0" ? "127.0.0.1" : listener.host;
  const close = async () => {
    await listener.close();
    release();
  };
  return {
    connectionString: `Endpoint=sb://${host}:${listener.port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;`,
    certificate: identity?.certificate,
    port: listener.port,
    control: createControl({ hubs, namespace, faults, listener, clock }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Hubs have no HTTP of their own here: it is there for WebSockets. */
function openPlainDoor(): Server {
  return createServer({ requestTimeout: 20_000, headersTimeout: 10_000 }, (request, response) => {
    request.resume();
    const isHealth = request.url === "/health";
    response.writeHead(isHealth ? 200 : 404, { "content-type": "application/json" });
    response.end(isHealth ? '{"status":"healthy"}' : "{}");
  });
}
