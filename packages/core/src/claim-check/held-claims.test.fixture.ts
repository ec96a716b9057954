import type { ClaimStore } from "../spi/claim-store.ts";
import type { ErrorKind } from "../spi/outcome.ts";

/** A claim store in this process, whose calls can be held up, made to fail, and looked at. */
export class HeldClaims implements ClaimStore {
  readonly name = "held";
  readonly held = new Map<string, Uint8Array>();
  readonly read: string[] = [];
  failures: ErrorKind[] = [];
  /** What `put` waits for, in the order of the calls. */
  readonly waits: Promise<void>[] = [];

  async put(data: Uint8Array): Promise<string> {
    await this.waits.shift();
    const failure = this.failures.shift();
    if (failure !== undefined) throw Object.assign(new Error("sig=secret no"), { kind: failure });
    const reference = `held:${this.held.size}`;
    this.held.set(reference, Uint8Array.from(data));
    return reference;
  }

  owns(reference: string): boolean {
    return /^held:\d+$/.test(reference);
  }

  async get(reference: string, maxBytes: number): Promise<Uint8Array | undefined> {
    this.read.push(reference);
    const failure = this.failures.shift();
    if (failure !== undefined) throw Object.assign(new Error("no"), { kind: failure });
    return this.held.get(reference)?.subarray(0, maxBytes + 1);
  }

  classify(error: unknown): ErrorKind {
    return (error as { kind?: ErrorKind }).kind ?? "unknown";
  }

  async close(): Promise<void> {
    this.held.clear();
  }
}
