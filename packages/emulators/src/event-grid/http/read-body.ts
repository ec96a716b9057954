import type { IncomingMessage } from "node:http";
import { EventGridProblem } from "../problem.ts";

/** Read and thrown away after a refusal, so that the client sees the answer before the connection ends. */
const MAX_DRAINED_BYTES = 16 * 1024 * 1024;

/** The whole body. Rejects as soon as it is known to be larger; nothing of it is kept then. */
export async function readBody(request: IncomingMessage, maxBytes: number, tooLargeStatus = 413): Promise<Buffer> {
  const tooLarge = () =>
    new EventGridProblem(tooLargeStatus, `The maximum size (${maxBytes}) of the request has been exceeded.`);
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  return await new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else {
        request.off("data", onData);
        reject(tooLarge());
      }
    };
    request.on("data", onData);
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", reject);
    request.on("close", () => reject(new EventGridProblem(400, "The request ended before its body did.")));
  });
}

/** Lets the rest of a refused body pass by, up to a bound; then cuts. */
export function drain(request: IncomingMessage): void {
  if (request.complete) return;
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_DRAINED_BYTES) request.destroy();
  });
  request.resume();
}
