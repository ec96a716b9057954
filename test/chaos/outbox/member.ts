import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Order, Told } from "./child.ts";

const STOP_MS = 30_000;
const KEEP_OUTPUT = 4_000;

export interface Post {
  /** For messages: `relay 2`. */
  readonly name: string;
  /** Beside this file. */
  readonly script: string;
  readonly args: readonly string[];
  /** Further options of Node and environment of its n-th process, from 1. */
  readonly nodeArgs?: readonly string[];
  readonly env?: (n: number) => Readonly<Record<string, string>>;
  /** It ends by itself when its work is done. */
  readonly endsItself?: boolean;
  readonly onTold: (told: Told) => void;
}

/** A process kept at work as a supervisor would: one that dies is begun anew. */
export class Member {
  readonly #post: Post;
  readonly #problem: (problem: string) => void;
  #child: ChildProcess;
  #ready!: Promise<void>;
  #isReady!: () => void;
  #order: Order = {};
  #n = 0;
  #isStopping = false;
  #isPaused = false;
  /** Frozen at the moment. */
  isFrozen = false;
  /** Its work is done. */
  isDone = false;

  constructor(post: Post, problem: (problem: string) => void) {
    this.#post = post;
    this.#problem = problem;
    this.#child = this.#start();
  }

  get name(): string {
    return this.#post.name;
  }

  /** Of its present process. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** Told to its successors too, should it die, unless it is to die. */
  order(order: Order): void {
    if (order.die !== true) this.#order = { ...this.#order, ...order };
    if (this.#child.connected) this.#child.send(order);
  }

  /** `kill -9`. Its successor begins at once. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (hasEnded(child)) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Resolves when it has killed itself, as ordered, or is done. */
  async dies(): Promise<void> {
    const child = this.#child;
    if (hasEnded(child)) return;
    const gone = once(child, "exit");
    this.order({ die: true });
    await gone;
  }

  /** `kill -9`, and nobody in its place until `resume`. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.kill();
  }

  async resume(): Promise<void> {
    this.#isPaused = false;
    this.#child = this.#start();
    await this.#ready;
  }

  /** Stands still for so long, and then goes on as if nothing had been. Woken even if this process dies meanwhile. */
  async freeze(ms: number): Promise<void> {
    const { pid } = this.#child;
    this.isFrozen = true;
    const alarm = spawn("sh", ["-c", `kill -STOP ${pid}; sleep ${ms / 1_000}; kill -CONT ${pid}`], {
      detached: true,
      stdio: "ignore",
    });
    await once(alarm, "exit");
    this.isFrozen = false;
  }

  /** SIGTERM, so that it drains; what does not end by itself is killed and reported. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (hasEnded(child)) return;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    const late = setTimeout(() => {
      this.#problem(`${this.name} did not end within ${STOP_MS / 1_000} s`);
      child.kill("SIGKILL");
    }, STOP_MS);
    await gone;
    clearTimeout(late);
  }

  /** At once, for good. */
  async end(): Promise<void> {
    this.#isStopping = true;
    await this.kill();
  }

  #start(): ChildProcess {
    const { script, args, nodeArgs = [], env, endsItself, onTold } = this.#post;
    this.#n++;
    this.#ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    const path = fileURLToPath(new URL(script, import.meta.url));
    const child = spawn(process.execPath, ["--conditions=waybill-source", ...nodeArgs, path, ...args], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, ...env?.(this.#n) },
    });
    let output = "";
    child.stderr?.on("data", (chunk) => {
      output = `${output}${chunk}`.slice(-KEEP_OUTPUT);
    });
    child.on("message", (told: Told) => {
      if (told.ready && child === this.#child) {
        child.send(this.#order);
        this.#isReady();
      }
      onTold(told);
    });
    // A message to one that has just died.
    child.on("error", () => undefined);
    child.once("exit", (code, signal) => {
      this.#isReady();
      if (endsItself && code === 0) this.isDone = true;
      else if (!this.#isStopping && signal !== "SIGKILL") {
        this.#problem(`${this.name} ended by itself (${code ?? signal}): ${output.trim()}`);
      }
      if (!this.#isStopping && !this.#isPaused && !this.isDone) this.#child = this.#start();
    });
    return child;
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
