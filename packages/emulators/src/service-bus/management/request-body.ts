import { Uuid } from "../../amqp/values.ts";
import { argumentError } from "../broker/conditions.ts";

/** Reads the map that is the body of a management request. Throws an argument error on what is missing or of another kind. */
export class RequestBody {
  private readonly map: ReadonlyMap<unknown, unknown>;

  constructor(body: unknown) {
    this.map = body instanceof Map ? body : new Map();
  }

  get(name: string): unknown {
    return this.map.get(name) ?? undefined;
  }

  text(name: string): string | undefined {
    const value = this.get(name);
    return typeof value === "string" ? value : undefined;
  }

  mustText(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw argumentError(`The request needs '${name}'.`);
    return value;
  }

  number(name: string): number | undefined {
    const value = this.get(name);
    return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
  }

  mustNumber(name: string): number {
    const value = this.number(name);
    if (value === undefined) throw argumentError(`The request needs the number '${name}'.`);
    return value;
  }

  list(name: string): readonly unknown[] {
    const value = this.get(name);
    if (!Array.isArray(value)) throw argumentError(`The request needs the list '${name}'.`);
    return value;
  }

  fields(name: string): ReadonlyMap<unknown, unknown> | undefined {
    const value = this.get(name);
    return value instanceof Map ? value : undefined;
  }

  /** Lock tokens as keys of locks. */
  lockKeys(): string[] {
    return this.list("lock-tokens").map((token) => {
      if (!(token instanceof Uuid)) throw argumentError("A lock token is a UUID.");
      return token.bytes.toString("hex");
    });
  }

  sequenceNumbers(): number[] {
    return this.list("sequence-numbers").map(Number);
  }
}
