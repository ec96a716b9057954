import {
  ServiceBusAdministrationClient,
  ServiceBusClient,
  type ServiceBusClientOptions,
  type WebSocketImpl,
  type WebSocketOptions,
} from "@azure/service-bus";
import { serviceBusErrors } from "./errors.ts";
import type { Credential, ServiceBusOptions } from "./options.ts";
import { withoutDelay } from "./rhea-connection.ts";

export interface Connector {
  /** A new client: one connection, made when it is first used. */
  connect(): ServiceBusClient;
  /** A client of the administration API. Throws where the credentials are none for it. */
  administration(): ServiceBusAdministrationClient;
}

/** Host and port after `sb://`. */
const ENDPOINT = /^sb:\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?\/?$/;
const NAMESPACE = /^[A-Za-z0-9.-]+(:\d{1,5})?$/;

/**
 * Checks for exactly one way to sign in; no I/O. What is wrong is said without repeating a value, and without the SDK's own error as cause,
 * which may hold one.
 */
export function createConnector(options: ServiceBusOptions, requestTimeoutMs: number): Connector {
  const { connectionString, namespace, credential } = options;
  if (connectionString !== undefined) {
    if (namespace !== undefined || credential !== undefined) throw refused("more than one way to sign in was given");
    const parts = readConnectionString(connectionString);
    const text = [...parts].map((part) => `${part.join("=")};`).join("");
    const emulator = parts.get("UseDevelopmentEmulator") === "true";
    const host = parts
      .get("Endpoint")!
      .replace(/^sb:\/\//, "")
      .replace(/\/$/, "");
    return {
      connect: () => withoutDelay(new ServiceBusClient(text, clientOptions(options, requestTimeoutMs))),
      administration: () => {
        if (!parts.has("SharedAccessKey")) throw refused("the administration API takes a key or a credential, no SAS");
        const plain = emulator ? `http://${host}` : undefined;
        return redirected(new ServiceBusAdministrationClient(text), options.administrationEndpoint ?? plain);
      },
    };
  }
  if (namespace === undefined && credential === undefined) throw refused("no credentials were given");
  if (namespace === undefined) throw refused("credential needs a namespace beside it");
  if (credential === undefined) throw refused("namespace needs a credential beside it");
  if (typeof namespace !== "string" || !NAMESPACE.test(namespace)) {
    throw refused("namespace must be a host name such as NAME.servicebus.windows.net");
  }
  const known = credential as Partial<Record<string, unknown>>;
  const isToken = typeof known.getToken === "function";
  const isKey = typeof known.key === "string" && typeof known.name === "string";
  if (!isToken && !isKey && typeof known.signature !== "string") {
    throw refused("credential is neither a TokenCredential, an AzureNamedKeyCredential nor an AzureSASCredential");
  }
  if (typeof known.signature === "string") checkExpiry(known.signature);
  return {
    connect: () => withoutDelay(new ServiceBusClient(namespace, credential, clientOptions(options, requestTimeoutMs))),
    administration: () => {
      if (!isToken && !isKey) throw refused("the administration API takes a key or a credential, no SAS");
      const client = new ServiceBusAdministrationClient(
        namespace,
        credential as Exclude<Credential, { signature: string }>,
      );
      return redirected(client, options.administrationEndpoint);
    },
  };
}

/** The SDK's own retries default to a fixed wait of 30 s, and miss every socket error: core retries instead. */
function clientOptions(options: ServiceBusOptions, timeoutInMs: number): ServiceBusClientOptions {
  const { webSocket, customEndpoint } = options;
  const socket: WebSocketOptions | undefined =
    webSocket === true ? { webSocket: globalThis.WebSocket as unknown as WebSocketImpl } : webSocket || undefined;
  return {
    retryOptions: { maxRetries: 0, timeoutInMs, retryDelayInMs: 200 },
    ...(socket === undefined ? {} : { webSocketOptions: socket }),
    ...(customEndpoint === undefined ? {} : { customEndpointAddress: customEndpoint }),
  };
}

/** The SDK always speaks https to the namespace itself; emulators speak http. */
function redirected(client: ServiceBusAdministrationClient, to: string | undefined): ServiceBusAdministrationClient {
  if (to === undefined) return client;
  const base = URL.parse(to);
  if (base === null || !/^https?:$/.test(base.protocol)) throw refused("administrationEndpoint is no web address");
  client.pipeline.addPolicy({
    name: "waybillAdministrationEndpoint",
    sendRequest: (request, next) => {
      const url = new URL(request.url);
      url.protocol = base.protocol;
      url.host = base.host;
      request.url = url.href;
      request.allowInsecureConnection = base.protocol === "http:";
      return next(request);
    },
  });
  return client;
}

function readConnectionString(text: string): Map<string, string> {
  if (typeof text !== "string" || text.trim() === "") throw refused("connectionString is empty");
  const parts = new Map<string, string>();
  for (const part of text.split(";")) {
    const at = part.indexOf("=");
    if (part.trim() !== "" && at < 1) throw refused("connectionString has a part that is not name=value");
    if (at > 0) parts.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
  }
  const endpoint = parts.get("Endpoint");
  if (!endpoint) throw refused("connectionString has no Endpoint");
  if (!ENDPOINT.test(endpoint))
    throw refused("Endpoint in connectionString is no address such as sb://NAME.servicebus.windows.net");
  const emulator = parts.get("UseDevelopmentEmulator");
  // Written otherwise, the SDK speaks TLS to what does not, and waits.
  if (emulator !== undefined && emulator !== "true" && emulator !== "false") {
    throw refused("UseDevelopmentEmulator in connectionString must be true or false, in lower case");
  }
  const sas = parts.get("SharedAccessSignature");
  if (sas === undefined) {
    for (const name of ["SharedAccessKeyName", "SharedAccessKey"]) {
      if (!parts.get(name)) throw refused(`connectionString has no ${name}`);
    }
  } else checkExpiry(sas);
  // The SDK refuses every other entity; what the key may do, the service says.
  parts.delete("EntityPath");
  return parts;
}

function checkExpiry(sas: string): void {
  const expiry = /(?:^|&|\s)se=(\d+)/.exec(sas)?.[1];
  if (expiry === undefined) throw refused("the SAS has no expiry (se=…)");
  const at = new Date(Number(expiry) * 1_000);
  if (at.getTime() <= Date.now()) {
    const when = Number.isNaN(at.getTime()) ? "before now" : at.toISOString();
    throw refused(`the SAS expired at ${when}`);
  }
}

const refused = (problem: string) => serviceBusErrors.WB_SERVICE_BUS_CREDENTIALS({ problem });
