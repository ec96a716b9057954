/** An error as it goes on the wire: a condition and a sentence. Thrown inside the emulator, answered by whoever holds the link. */
export class AmqpError extends Error {
  readonly condition: string;
  readonly info: ReadonlyMap<string, unknown> | undefined;
  constructor(condition: string, description: string, info?: ReadonlyMap<string, unknown>) {
    super(description);
    this.name = "AmqpError";
    this.condition = condition;
    this.info = info;
  }
}
