import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
  type HttpClient,
  type Pipeline,
} from "@azure/core-rest-pipeline";
import type { Access } from "./access.ts";
import type { EventGridOptions } from "./options.ts";

const API_VERSION = "2024-06-01";
const SCOPE = "https://eventgrid.azure.net/.default";
/** Core retries, with backoff: here a Retry-After would be waited for in silence. */
export const NO_RETRIES = { maxRetries: 0 } as const;

export interface RestCall {
  /** Below the endpoint: `/topics/orders:publish`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly contentType?: string;
}

/** Posts to a namespace, answers the parsed body. Throws with `statusCode` and `code` what is no success, with `code` what had no answer. */
export type RestClient = (call: RestCall, signal: AbortSignal) => Promise<unknown>;

/** One for the process: it keeps connections for later calls and offers no way to close them, so each more would leave some behind. */
let shared: HttpClient | undefined;
function httpClient(): HttpClient {
  shared ??= createDefaultHttpClient();
  return shared;
}

export function createRestClient(access: Access, options: Pick<EventGridOptions, "client">): RestClient {
  const pipeline = createPipelineFromOptions({ ...options.client, retryOptions: NO_RETRIES });
  const { secret, insecure } = access;
  if ("credential" in secret) {
    pipeline.addPolicy(bearerTokenAuthenticationPolicy({ credential: secret.credential, scopes: SCOPE }));
  }
  const authorization =
    "key" in secret
      ? `SharedAccessKey ${secret.key}`
      : "sas" in secret
        ? `SharedAccessSignature ${secret.sas}`
        : undefined;
  const base = access.endpoint.href.replace(/\/+$/, "");

  return async ({ path, query = {}, body, contentType }, signal) => {
    const url = `${base}${path}?${new URLSearchParams({ ...query, "api-version": API_VERSION })}`;
    const headers = createHttpHeaders({ accept: "application/json" });
    if (authorization !== undefined) headers.set("authorization", authorization);
    if (contentType !== undefined) headers.set("content-type", contentType);
    const request = createPipelineRequest({
      url,
      method: "POST",
      headers,
      ...(body === undefined ? {} : { body }),
      abortSignal: signal,
      allowInsecureConnection: insecure,
    });
    const response = await send(pipeline, httpClient(), request);
    const text = response.bodyAsText ?? "";
    if (response.status >= 200 && response.status < 300) return parsed(text);
    throw refusal(response.status, text);
  };
}

const send = (pipeline: Pipeline, ...rest: Parameters<Pipeline["sendRequest"]>) => pipeline.sendRequest(...rest);

function parsed(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    throw Object.assign(new Error("The answer was no JSON."), { code: "PARSE_ERROR" });
  }
}

/** `{ error: { code, message } }`, if it is that. */
function refusal(statusCode: number, text: string): Error {
  let error: { code?: unknown; message?: unknown } | undefined;
  try {
    error = (JSON.parse(text) as { error?: typeof error } | null)?.error;
  } catch {
    // A proxy's page says no more than its status does.
  }
  const message = typeof error?.message === "string" ? error.message : "";
  return Object.assign(new Error(message), {
    statusCode,
    code: typeof error?.code === "string" ? error.code : undefined,
  });
}
