import { checkLogicalName } from "./naming.ts";

/** Checks of an adapter's options. Each answers what it was given, or throws what the adapter makes of it. */
export interface OptionChecks {
  /** Of the whole: an object, with no option but those of `known`. `call` shows how it is written: `kafka({ … })`. */
  known(options: object, known: Readonly<Record<string, true>>, call: string): void;
  /** Lists of logical names by topic; each subscription once. */
  subscriptions(declared?: Readonly<Record<string, readonly string[]>>): Map<string, readonly string[]>;
  milliseconds(option: string, value: number, min: number, max: number): number;
  whole(option: string, value: number, min: number, max: number): number;
  fact(option: string, value: boolean): boolean;
  oneOf<T extends string>(option: string, value: T, allowed: readonly T[]): T;
}

export function optionChecks(refused: (option: string, problem: string) => Error): OptionChecks {
  return {
    known(options, known, call) {
      if (typeof options !== "object" || options === null) throw refused("object", `is missing: ${call}`);
      for (const option of Object.keys(options)) {
        if (!Object.hasOwn(known, option))
          throw refused(option, `does not exist; there are ${Object.keys(known).join(", ")}`);
      }
    },
    subscriptions(declared = {}) {
      const out = new Map<string, readonly string[]>();
      for (const [topic, subscriptions] of Object.entries(declared)) {
        checkLogicalName("topic", topic);
        if (!Array.isArray(subscriptions)) throw refused(`subscriptions.${topic}`, "must be a list of names");
        for (const subscription of subscriptions) checkLogicalName("subscription", subscription);
        out.set(topic, [...new Set<string>(subscriptions)]);
      }
      return out;
    },
    milliseconds(option, value, min, max) {
      if (typeof value === "number" && value >= min && value <= max) return value;
      throw refused(option, `must be between ${min} and ${max} milliseconds`);
    },
    whole(option, value, min, max) {
      if (Number.isInteger(value) && value >= min && value <= max) return value;
      throw refused(option, `must be a whole number from ${min} to ${max}`);
    },
    fact(option, value) {
      if (typeof value === "boolean") return value;
      throw refused(option, "must be true or false");
    },
    oneOf(option, value, allowed) {
      if (allowed.includes(value)) return value;
      throw refused(option, `must be one of ${allowed.join(", ")}`);
    },
  };
}
