/** Another process holds a port that the broker was to listen on. */
export class PortTaken extends Error {
  override readonly name = "PortTaken";

  constructor(port: number | string) {
    super(`Kafka could not listen: another process has port ${port}.`);
  }
}
