import { type Call, type Delivery, done, type Outcome, type Settlement } from "@waybill/core/spi";
import { failedCall } from "./classify.ts";
import { serviceBusErrors } from "./errors.ts";
import type { Hold } from "./hold.ts";
import type { OutcomeTurns } from "./outcome-turns.ts";
import type { AttributePrefix } from "./properties.ts";
import { outcomeOf, type Tell } from "./settle.ts";

export interface TellerParts {
  /** Of attributes on the wire. */
  readonly prefix: AttributePrefix;
  readonly entity: string;
  /** Nothing can be rejected in a dead-letter queue. */
  readonly dead: boolean;
  readonly turns: OutcomeTurns;
  readonly call: Call;
  /** Throws, kind `lost`, where it is no longer held. */
  readonly held: (delivery: Delivery) => Hold;
  /** Throws at once where nothing can tell it any more. */
  readonly tell: (hold: Hold, outcome: Tell) => Promise<void>;
  /** The broker's refusal, as core is to get it. */
  readonly refused: (hold: Hold, doing: string, error: unknown) => unknown;
  readonly settled: (hold: Hold) => void;
  /** Some were not answered in time. */
  readonly unanswered: () => void;
}

/** Settlements whose outcome is the same word for word. */
interface Group {
  readonly doing: string;
  readonly outcome: Tell;
  readonly indexes: number[];
  readonly holds: Hold[];
}

/** Tells the broker outcomes in groups, each in a turn and with a deadline of its own: a timer and two listeners for each settlement would cost more than the settlement. */
export function createTeller(parts: TellerParts) {
  const { prefix, entity, dead, turns, call, held, tell, refused, settled, unanswered } = parts;

  const tellGroup = async ({ doing, outcome, indexes, holds }: Group, outcomes: Outcome[], signal: AbortSignal) => {
    const tellOne = async (hold: Hold, index: number) => {
      try {
        await tell(hold, outcome);
        // Its time was up, and core has been told so.
        if (outcomes[index] !== undefined) return;
        settled(hold);
        outcomes[index] = done;
      } catch (error) {
        const failure = refused(hold, doing, error);
        outcomes[index] ??= { ok: false, error: failure };
      }
    };
    try {
      await call(signal, () => turns.run(holds.map((hold, at) => () => tellOne(hold, indexes[at]!))));
    } catch (error) {
      if ((error as Partial<Error>).name === "TimeoutError") unanswered();
      const late: Outcome = { ok: false, error: failedCall(doing, entity, error) };
      for (const index of indexes) outcomes[index] ??= late;
    }
  };

  return async (settlements: readonly Settlement[], signal: AbortSignal): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    const groups = new Map<string, Group>();
    for (const [index, settlement] of settlements.entries()) {
      try {
        const hold = held(settlement.delivery);
        if (settlement.kind === "reject" && dead) throw serviceBusErrors.WB_SERVICE_BUS_REJECT({ entity });
        const { key, doing, tell: outcome } = outcomeOf(settlement, prefix);
        const group = groups.get(key);
        if (group === undefined) groups.set(key, { doing, outcome, indexes: [index], holds: [hold] });
        else {
          group.indexes.push(index);
          group.holds.push(hold);
        }
      } catch (error) {
        outcomes[index] = { ok: false, error };
      }
    }
    await Promise.all([...groups.values()].map((group) => tellGroup(group, outcomes, signal)));
    return outcomes;
  };
}
