/** A request to the control door that cannot be done. */
export class ControlProblem extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = "ControlProblem";
    this.status = status;
  }
}

/** The named arguments of one operation. Each is asked for by its type; what nobody asks for is refused. */
export class Arguments {
  private readonly given: ReadonlyMap<string, unknown>;
  private readonly asked = new Set<string>();

  constructor(given: Readonly<Record<string, unknown>>) {
    this.given = new Map(Object.entries(given));
  }

  text(name: string): string {
    return this.must(name, this.maybeText(name));
  }

  maybeText(name: string): string | undefined {
    return this.read(name, "string", (value) => typeof value === "string");
  }

  /** Also written as a text, as in a query. */
  number(name: string): number {
    return this.must(name, this.maybeNumber(name));
  }

  maybeNumber(name: string): number | undefined {
    return this.read(name, "number", (value) => typeof value === "number" && Number.isFinite(value));
  }

  flag(name: string): boolean {
    return this.must(
      name,
      this.read<boolean>(name, "boolean", (value) => typeof value === "boolean"),
    );
  }

  object(name: string): Record<string, unknown> | undefined {
    return this.read(name, "object", (value) => typeof value === "object" && value !== null && !Array.isArray(value));
  }

  list(name: string): unknown[] | undefined {
    return this.read(name, "array", Array.isArray);
  }

  /** To be called before anything is done: throws when there is an argument that the operation does not have. */
  done(): void {
    const unknown = [...this.given.keys()].find((name) => !this.asked.has(name));
    if (unknown === undefined) return;
    const known = this.asked.size === 0 ? "It has none." : `It has ${[...this.asked].join(", ")}.`;
    throw new ControlProblem(400, `This operation has no argument '${unknown}'. ${known}`);
  }

  private read<T>(name: string, kind: string, is: (value: unknown) => boolean): T | undefined {
    this.asked.add(name);
    const value = this.given.get(name);
    if (value === undefined || value === null) return undefined;
    if (!is(value)) throw new ControlProblem(400, `The argument '${name}' must be of the type ${kind}.`);
    return value as T;
  }

  private must<T>(name: string, value: T | undefined): T {
    if (value === undefined) throw new ControlProblem(400, `The argument '${name}' is missing.`);
    return value;
  }
}
