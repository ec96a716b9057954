import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock } from "../../clock.ts";

/** How long the service waits for an answer. */
const RESPONSE_MS = 30_000;
/** A late answer within this time still counts. */
const LATE_MS = 180_000;
const MAX_ANSWER_BYTES = 64 * 1024;

export interface WebhookCall {
  readonly method: "POST" | "OPTIONS";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type WebhookAnswer =
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers: IncomingMessage["headers"];
      readonly body: string;
    }
  /** No answer in time; `late` is the status that came after all, if one did. */
  | { readonly kind: "timeout"; readonly late: Promise<number | undefined> }
  | { readonly kind: "socket"; readonly code: string };

/** Calls webhooks over kept connections. `close` ends every call that is open. */
export class WebhookCaller {
  private readonly clock: Clock;
  private readonly http = new HttpAgent({ keepAlive: true });
  private readonly https = new HttpsAgent({ keepAlive: true });
  private readonly closing = new AbortController();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Never rejects. Redirects are not followed. */
  call(call: WebhookCall): Promise<WebhookAnswer> {
    const { method, url, headers, body } = call;
    return new Promise((resolve) => {
      let resolveLate: (status: number | undefined) => void = () => undefined;
      const finish = (answer: WebhookAnswer) => {
        timeout.cancel();
        lateTimeout.cancel();
        resolve(answer);
        resolveLate(answer.kind === "status" ? answer.status : undefined);
      };
      const isSecure = url.startsWith("https:");
      const request = (isSecure ? httpsRequest : httpRequest)(url, {
        method,
        agent: isSecure ? this.https : this.http,
        headers: { ...headers, "content-length": String(Buffer.byteLength(body ?? "")) },
        signal: this.closing.signal,
      });
      const started = this.clock.now();
      const timeout = this.clock.at(started + RESPONSE_MS, () => {
        resolve({ kind: "timeout", late: new Promise((done) => (resolveLate = done)) });
      });
      const lateTimeout = this.clock.at(started + LATE_MS, () => request.destroy());
      request.on("error", (error: NodeJS.ErrnoException) => {
        // The other side closed a kept connection just as we took it: not a word about the endpoint.
        if (request.reusedSocket && error.code === "ECONNRESET" && this.clock.now() < started + RESPONSE_MS) {
          timeout.cancel();
          lateTimeout.cancel();
          resolve(this.call(call));
        } else finish({ kind: "socket", code: error.code ?? error.name });
      });
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size <= MAX_ANSWER_BYTES) chunks.push(chunk);
          else request.destroy();
        });
        response.on("error", () => request.destroy());
        response.on("close", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          finish({ kind: "status", status: response.statusCode ?? 0, headers: response.headers, body: text });
        });
      });
      request.end(body);
    });
  }

  close(): void {
    this.closing.abort();
    this.http.destroy();
    this.https.destroy();
  }
}
