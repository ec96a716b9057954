import { readFile } from "node:fs/promises";
import type { TokenCheck } from "../amqp/cbs.ts";
import type { ConnectionLimits } from "../amqp/connection.ts";
import type { Listener } from "../amqp/listener.ts";
import { createClock, type MovableClock } from "../clock.ts";
import { openNamespacePort } from "../namespace-port.ts";
import { Access } from "../shared-access/access.ts";
import { type AccessPolicy, ROOT_POLICY } from "../shared-access/access-policy.ts";
import { identityOf, type TlsIdentity } from "../tls-door.ts";
import { Administration } from "./administration/administration.ts";
import { openHttpDoor } from "./administration/http-door.ts";
import { Broker } from "./broker/broker.ts";
import { applyConfig, type ServiceBusConfig } from "./config.ts";
import { createControl, type ServiceBusControl } from "./control.ts";
import { FaultPlan } from "./fault-plan.ts";
import { restore } from "./journal/restore.ts";
import { SqliteJournal } from "./journal/sqlite-journal.ts";
import { Namespace } from "./namespace.ts";

export interface ServiceBusEmulatorOptions extends ConnectionLimits {
  /** Entities, in the shape of the official emulator's Config.json: the object, or the path of the file. */
  readonly config?: ServiceBusConfig | string | undefined;
  /** Default 127.0.0.1. Anything else opens the emulator to others: it has no authentication of substance. */
  readonly host?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
  /**
   * Keeps entities and messages in this folder, which is made if missing, over a restart of the process, however it ended; absent: in
   * memory. Locks end with the process. One emulator at a time.
   */
  readonly dataDir?: string | undefined;
  /** Default: the machine's time, which `control.advanceClock` moves. */
  readonly clock?: MovableClock | undefined;
  /**
   * Keys, and what they open. Given, nobody is let in with another one, but with RootManageSharedAccessKey and the key SAS_KEY_VALUE,
   * with the authorization rules of an entity, and with any bearer token. Default: an entity's authorization rules hold for its keys;
   * whoever gives the name of a key that is not known here is let in.
   */
  readonly accessPolicies?: readonly AccessPolicy[] | undefined;
  /** Looks at the token of each entity, after its keys. Default: refuses none. */
  readonly checkToken?: TokenCheck | undefined;
  /**
   * Also speaks TLS on the same port: AMQP, HTTPS and AMQP over WebSocket, with a certificate made at the start, or with an identity
   * that several emulators share. Default false.
   */
  readonly tls?: boolean | TlsIdentity | undefined;
}

export interface ServiceBusEmulator {
  /** Where the administration API answers plain HTTP. `ServiceBusAdministrationClient` itself speaks only HTTPS: see `certificate`. */
  readonly administrationUrl: string;
  /** With `tls`: the certificate to trust, PEM, as a value of `tlsOptions.ca` or a file for NODE_EXTRA_CA_CERTS. */
  readonly certificate: string | undefined;
  /** For the data plane; `UseDevelopmentEmulator=true` is in it. */
  readonly connectionString: string;
  readonly port: number;
  readonly control: ServiceBusControl;
  /** Cuts every connection and frees the port. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a Service Bus namespace in this process. Rejects when the port is taken, the config is wrong or the folder cannot be used.
 */
export async function startServiceBusEmulator(options: ServiceBusEmulatorOptions = {}): Promise<ServiceBusEmulator> {
  const clock = options.clock ?? createClock();
  const { config } = options;
  const file = typeof config === "string" ? (JSON.parse(await readFile(config, "utf8")) as ServiceBusConfig) : config;
  const journal = options.dataDir === undefined ? undefined : new SqliteJournal(options.dataDir);
  const release = () => {
    journal?.file.close();
    if (options.clock === undefined) clock.stop();
  };
  const commit = () => journal?.file.commit();
  const broker = new Broker(clock, journal);
  const faults = new FaultPlan();
  const { accessPolicies, checkToken = () => undefined } = options;
  const known = accessPolicies === undefined ? [] : [ROOT_POLICY, ...accessPolicies];
  const access = new Access(() => [...known, ...rulesOf(broker)], accessPolicies !== undefined);
  const namespace = new Namespace(broker, faults, access, checkToken, commit);
  const http = openHttpDoor(new Administration(broker), access, commit);
  let listener: Listener;
  let identity: TlsIdentity | undefined;
  try {
    if (journal !== undefined) restore(broker, journal);
    if (file !== undefined) applyConfig(broker, file);
    identity = await identityOf(options.tls);
    listener = await openNamespacePort({ ...options, handler: namespace, http, tls: identity });
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
    administrationUrl: `http://${host}:${listener.port}`,
    certificate: identity?.certificate,
    port: listener.port,
    control: createControl({ broker, namespace, faults, listener, clock }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function* rulesOf(broker: Broker): Generator<AccessPolicy> {
  for (const { name, settings } of broker.all())
    for (const rule of settings.authorizationRules) yield { ...rule, entity: name };
}
