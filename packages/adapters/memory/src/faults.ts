import { seededRandom } from "./random.ts";

/** How often each thing goes wrong, as probabilities from 0 to 1; default 0. */
export interface FaultOptions {
  /** The same seed and the same calls give the same faults. */
  readonly seed: number;
  /** A message that is sent is stored twice. */
  readonly duplicate?: number;
  /** A receive hands over the lanes in another order; where there is no order, the messages. */
  readonly reorderLanes?: number;
  /** A lease ends before its time; for each delivery that is settled or renewed. */
  readonly loseLease?: number;
  /** A call is refused for its rate. */
  readonly throttle?: number;
  /** At a receive, one lane of the receiver is taken away and read again from its committed position. */
  readonly revokeLane?: number;
  /** A message, its lane's part of the batch, or the whole batch (whatever fails together on that broker) is not stored. */
  readonly failSend?: number;
  /** A settle call is not carried out. */
  readonly failSettle?: number;
  /** A send call is carried out, and answered with an error. */
  readonly sendTimeoutAfterWrite?: number;
  /** A receive call throws. */
  readonly failReceive?: number;
  /** At a settle, the consumer dies and comes back: nothing of the call is carried out, and all it held is delivered again. */
  readonly crashBeforeAck?: number;
}

export type FaultName = Exclude<keyof FaultOptions, "seed">;

/** A source of trouble that can be repeated. Adapters may share one; then the order of their calls counts too. */
export interface Faults {
  /** True when this fault happens now. */
  strikes(name: FaultName): boolean;
  /** A whole number from 0 up to, not including, `below`. */
  pick(below: number): number;
}

export function createFaults(options: FaultOptions): Faults {
  const random = seededRandom(options.seed);
  return {
    strikes: (name) => {
      const probability = options[name] ?? 0;
      return probability > 0 && random() < probability;
    },
    pick: (below) => Math.floor(random() * below),
  };
}
