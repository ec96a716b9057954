import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { AmqpError } from "./amqp-error.ts";
import type { LinkHandler } from "./attach-request.ts";
import { Decoder } from "./decode.ts";
import { FrameReader } from "./frame-reader.ts";
import { OutgoingLink } from "./outgoing-link.ts";
import type { Peer } from "./peer.ts";
import {
  ATTACH,
  asNumber,
  asString,
  BEGIN,
  CLOSE,
  DETACH,
  DISPOSITION,
  EMPTY_FRAME,
  END,
  errorValue,
  FLOW,
  frame,
  OPEN,
  performative,
  readPerformative,
  TRANSFER,
} from "./performative.ts";
import { AMQP_HEADER, answerInit, mechanismsFrame, SASL_HEADER } from "./sasl.ts";
import { Session } from "./session.ts";
import { uint, ushort } from "./values.ts";

export interface ConnectionLimits {
  /** Largest frame taken, bytes. Default 65 536, as the service's. */
  readonly maxFrameSize?: number;
  readonly maxSessions?: number;
  /** A peer that is silent for twice this is gone. Default 120 000. */
  readonly idleTimeoutMs?: number;
  /** From the first byte to `open`. Default 20 000. */
  readonly handshakeMs?: number;
}

const MIN_MAX_FRAME_SIZE = 512;
/** Bytes that wait for a slow reader before its links get no more messages. */
const CONGESTED_BYTES = 4 * 1024 * 1024;
/** Time that a peer has to answer our close. */
const CLOSE_MS = 1_000;

type Phase = "header" | "sasl-init" | "amqp-header" | "open" | "running" | "closing" | "over";

/** One AMQP peer. Every malformed byte ends in a close frame with its condition, and never in an exception. */
export class Connection implements Peer {
  readonly handler: LinkHandler;
  readonly remoteAddress: string;
  remoteMaxFrameSize = MIN_MAX_FRAME_SIZE;
  containerId = "";
  hostname = "";
  private readonly socket: Duplex;
  private readonly reader: FrameReader;
  private readonly sessions = new Map<number, Session>();
  private readonly maxFrameSize: number;
  private readonly maxSessions: number;
  private readonly idleTimeoutMs: number;
  private phase: Phase = "header";
  private corked = false;
  private silenced = false;
  private lastRead = Date.now();
  private watch: NodeJS.Timeout;
  private heartbeat: NodeJS.Timeout | undefined;
  private wrote = false;

  constructor(
    socket: Duplex & Partial<Pick<Socket, "setNoDelay" | "remoteAddress" | "remotePort">>,
    first: Buffer,
    handler: LinkHandler,
    limits: ConnectionLimits = {},
  ) {
    this.socket = socket;
    this.handler = handler;
    this.remoteAddress = `${socket.remoteAddress}:${socket.remotePort}`;
    this.maxFrameSize = limits.maxFrameSize ?? 65_536;
    this.maxSessions = limits.maxSessions ?? 5_000;
    this.idleTimeoutMs = limits.idleTimeoutMs ?? 120_000;
    this.reader = new FrameReader(this.maxFrameSize);
    socket.setNoDelay?.(true);
    socket.on("data", (chunk: Buffer) => this.read(chunk));
    // 'close' always comes, 'end' does not: a peer that vanishes must not keep its locks and its credit.
    socket.on("close", () => this.gone());
    socket.on("error", () => this.gone());
    socket.on("drain", () => this.wake());
    this.watch = setTimeout(() => socket.destroy(), limits.handshakeMs ?? 20_000);
    this.watch.unref();
    if (first.length > 0) this.read(first);
  }

  get congested(): boolean {
    return this.socket.writableLength > CONGESTED_BYTES;
  }

  write(head: Buffer, payload?: Buffer): void {
    if (this.phase === "over" || this.silenced || !this.socket.writable) return;
    if (!this.corked) {
      this.corked = true;
      this.socket.cork();
      process.nextTick(() => this.send());
    }
    this.wrote = true;
    this.socket.write(head);
    if (payload !== undefined && payload.length > 0) this.socket.write(payload);
  }

  private send(): void {
    this.corked = false;
    if (this.commit()) this.socket.uncork();
  }

  /** Ends the socket, which sends what is corked. */
  private finish(): void {
    if (this.commit()) this.socket.end();
  }

  /** False, and the socket cut with nothing sent, when what the answers tell of could not be made to last. */
  private commit(): boolean {
    try {
      this.handler.commit?.();
      return true;
    } catch {
      this.socket.destroy();
      return false;
    }
  }

  /** Closes with an error of ours. */
  close(error: AmqpError): void {
    if (this.phase === "closing" || this.phase === "over") return;
    if (this.phase !== "running") {
      this.socket.destroy();
      return;
    }
    this.write(frame(0, performative(CLOSE, [errorValue(error)])));
    this.phase = "closing";
    this.endSessions();
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.socket.destroy(), CLOSE_MS);
    this.watch.unref();
  }

  cut(): void {
    this.gone();
  }

  /** Reads and answers nothing from now on, heartbeats included; the socket stays. */
  silence(silenced: boolean): void {
    this.silenced = silenced;
  }

  *outgoingLinks(): Generator<OutgoingLink> {
    for (const session of [...this.sessions.values()])
      for (const link of session.links()) if (link instanceof OutgoingLink) yield link;
  }

  *links(): ReturnType<Session["links"]> {
    for (const session of [...this.sessions.values()]) yield* session.links();
  }

  private read(chunk: Buffer): void {
    if (this.phase === "over" || this.silenced) return;
    this.lastRead = Date.now();
    this.reader.push(chunk);
    try {
      while (this.step());
    } catch (error) {
      this.refuse(error);
    }
  }

  /** One header or frame; false when there is no whole one. */
  private step(): boolean {
    if (this.phase === "over") return false;
    if (this.phase === "header" || this.phase === "amqp-header") {
      const header = this.reader.header();
      if (header !== undefined) this.takeHeader(header);
      return header !== undefined;
    }
    const bytes = this.reader.frame();
    if (bytes === undefined) return false;
    if (this.phase === "sasl-init") {
      const answer = answerInit(bytes);
      this.write(answer.frame);
      if (answer.ok) this.phase = "amqp-header";
      else this.finish();
      if (!answer.ok) this.phase = "closing";
    } else this.takeFrame(bytes);
    return true;
  }

  private takeHeader(header: Buffer): void {
    if (this.phase === "header" && header.equals(SASL_HEADER)) {
      this.write(SASL_HEADER);
      this.write(mechanismsFrame());
      this.phase = "sasl-init";
    } else if (header.equals(AMQP_HEADER)) {
      this.write(AMQP_HEADER);
      this.phase = "open";
    } else {
      // The answer to an unknown protocol is the header that is spoken here, and the end.
      this.write(SASL_HEADER);
      this.phase = "closing";
      this.finish();
    }
  }

  private takeFrame(bytes: Buffer): void {
    const dataStart = bytes[4]! * 4;
    if (dataStart < 8 || dataStart > bytes.length || bytes[5] !== 0)
      throw new AmqpError("amqp:connection:framing-error", "A frame with an impossible head.");
    if (dataStart === bytes.length) return;
    const channel = bytes.readUInt16BE(6);
    const decoder = new Decoder(bytes, dataStart);
    const body = readPerformative(decoder);
    if (this.phase === "closing") {
      if (body.code === CLOSE) this.finish();
      return;
    }
    if (this.phase === "open") {
      if (body.code !== OPEN) throw new AmqpError("amqp:illegal-state", "open was expected.");
      this.opened(body.fields);
      return;
    }
    if (body.code === BEGIN) this.begin(channel, body.fields, body);
    else if (body.code === CLOSE) this.closed();
    else {
      const session = this.sessions.get(channel);
      if (session === undefined) {
        // What was under way when the session ended.
        if (this.ended.has(channel)) {
          if (body.code === END) this.ended.delete(channel);
          return;
        }
        throw new AmqpError("amqp:connection:framing-error", `Channel ${channel} has no session.`);
      }
      try {
        this.toSession(session, channel, body, bytes.subarray(decoder.position));
      } catch (error) {
        if (!(error instanceof AmqpError) || !error.condition.startsWith("amqp:session:")) throw error;
        this.sessions.delete(channel);
        this.ended.add(channel);
        session.fail(error);
      }
    }
  }

  private readonly ended = new Set<number>();

  private toSession(
    session: Session,
    channel: number,
    body: ReturnType<typeof readPerformative>,
    payload: Buffer,
  ): void {
    switch (body.code) {
      case TRANSFER:
        session.incoming(body, payload);
        return;
      case DISPOSITION:
        session.disposition(body);
        return;
      case FLOW:
        session.flow(body);
        return;
      case ATTACH:
        session.attach(body);
        return;
      case DETACH:
        session.remoteDetach(body);
        return;
      case END:
        session.write(performative(END, []));
        this.sessions.delete(channel);
        session.gone();
        return;
      default:
        throw new AmqpError("amqp:not-allowed", "This performative has no place here.");
    }
  }

  private opened(fields: readonly unknown[]): void {
    this.containerId = asString(fields[0]) ?? "";
    this.hostname = asString(fields[1]) ?? "";
    this.remoteMaxFrameSize = Math.max(
      MIN_MAX_FRAME_SIZE,
      Math.min(asNumber(fields[2]) ?? 0xffffffff, this.maxFrameSize),
    );
    const remoteIdleMs = asNumber(fields[4]) ?? 0;
    this.phase = "running";
    this.write(
      frame(
        0,
        performative(OPEN, [
          "emulator",
          null,
          uint(this.maxFrameSize),
          ushort(Math.min(this.maxSessions - 1, 65_535)),
          uint(this.idleTimeoutMs),
        ]),
      ),
    );
    clearTimeout(this.watch);
    this.watch = setInterval(() => {
      if (Date.now() - this.lastRead > this.idleTimeoutMs * 2) this.socket.destroy();
    }, this.idleTimeoutMs / 2);
    this.watch.unref();
    if (remoteIdleMs > 0) {
      this.heartbeat = setInterval(() => this.beat(), Math.max(remoteIdleMs / 3, 10));
      this.heartbeat.unref();
    }
  }

  private beat(): void {
    if (!this.wrote && this.phase === "running") this.write(EMPTY_FRAME);
    this.wrote = false;
  }

  private begin(channel: number, fields: readonly unknown[], body: ReturnType<typeof readPerformative>): void {
    if (this.sessions.has(channel))
      throw new AmqpError("amqp:connection:framing-error", `Channel ${channel} is in use.`);
    if (this.sessions.size >= this.maxSessions || fields[0] != null)
      throw new AmqpError("amqp:resource-limit-exceeded", "No more sessions on this connection.");
    this.ended.delete(channel);
    const session = new Session(this, channel, body);
    this.sessions.set(channel, session);
    session.write(performative(BEGIN, session.beginFields()));
  }

  private closed(): void {
    this.write(frame(0, performative(CLOSE, [])));
    this.phase = "closing";
    this.endSessions();
    this.finish();
  }

  private refuse(error: unknown): void {
    this.close(
      error instanceof AmqpError
        ? error
        : new AmqpError("amqp:internal-error", error instanceof Error ? error.message : "An error."),
    );
    // Whoever sends nonsense is not waited for.
    this.finish();
  }

  private wake(): void {
    for (const link of this.outgoingLinks()) link.wake();
  }

  private endSessions(): void {
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    for (const session of sessions) session.gone();
  }

  private gone(): void {
    if (this.phase === "over") return;
    this.phase = "over";
    clearTimeout(this.watch);
    clearInterval(this.heartbeat);
    this.endSessions();
    this.socket.destroy();
  }
}
