import type { Client, Submittable } from "pg";

/** What of `pg`'s connection a stream needs: the interface that it offers to packages such as pg-copy-streams. */
interface Wire {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  once(event: "replicationStart", listener: () => void): void;
}

const LOG_DATA = 0x77;
const KEEPALIVE = 0x6b;
/** Message kind, start and end in the log, time of sending. */
const LOG_HEADER = 1 + 8 + 8 + 8;
/** PostgreSQL's clock starts in 2000. */
const EPOCH_MS = 946_684_800_000;

export interface ReplicationHandlers {
  readonly started: () => void;
  /** A message of the output plugin. The buffer is good until this returns. */
  readonly message: (message: Buffer) => void;
  readonly ended: (error: unknown) => void;
}

/**
 * START_REPLICATION as a query of `pg`. What has arrived is confirmed at once: the log is not where rows are kept, so the server need
 * not keep any of it for us.
 */
export class Replication implements Submittable {
  readonly #command: string;
  readonly #handlers: ReplicationHandlers;
  #wire: Wire | undefined;
  #seen = 0n;

  constructor(command: string, handlers: ReplicationHandlers) {
    this.#command = command;
    this.#handlers = handlers;
  }

  submit(connection: unknown): void {
    const wire = connection as Wire;
    this.#wire = wire;
    wire.once("replicationStart", this.#handlers.started);
    wire.query(this.#command);
  }

  /** Tells the server how far we are; without it the server would end the connection after wal_sender_timeout. */
  confirm(): void {
    const status = Buffer.alloc(1 + 8 * 4 + 1);
    status[0] = 0x72;
    for (const at of [1, 9, 17]) status.writeBigUInt64BE(this.#seen, at);
    status.writeBigInt64BE(BigInt(Date.now() - EPOCH_MS) * 1000n, 25);
    this.#wire?.sendCopyFromChunk(status);
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    if (chunk[0] === LOG_DATA) {
      this.#reached(chunk.readBigUInt64BE(1));
      this.#handlers.message(chunk.subarray(LOG_HEADER));
    } else if (chunk[0] === KEEPALIVE) {
      this.#reached(chunk.readBigUInt64BE(1));
      if (chunk[17] === 1) this.confirm();
    }
  }

  handleError(error: unknown): void {
    this.#handlers.ended(error);
  }

  handleCommandComplete(): void {
    // The server ends the stream when it shuts down.
    this.#handlers.ended(new Error("Connection terminated: the server ended the stream"));
  }

  handleReadyForQuery(): void {
    this.#handlers.ended(new Error("Connection terminated: the stream is over"));
  }

  #reached(position: bigint): void {
    if (position > this.#seen) this.#seen = position;
  }
}

export function startReplication(client: Client, command: string, handlers: ReplicationHandlers): Replication {
  return client.query(new Replication(command, handlers));
}
