import { createHash } from "node:crypto";
import { coreErrors } from "../errors/core-errors.ts";

const LOGICAL_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const MAX_LOGICAL_NAME = 50;

/** Refuses a topic or subscription name outside the grammar `[a-z0-9]+(-[a-z0-9]+)*`, at most 50 characters. */
export function checkLogicalName(what: "topic" | "subscription" | "prefix", name: string): void {
  if (typeof name !== "string" || name.length > MAX_LOGICAL_NAME || !LOGICAL_NAME.test(name)) {
    throw coreErrors.WB_NAME_INVALID({ what, name: String(name) });
  }
}

/** How a broker's physical names are made. */
export interface NamingRule {
  /** For the error message: `queue`, `topic`, … */
  readonly entity: string;
  readonly maxLength: number;
  /** A string that no logical name contains; absent where the broker's alphabet leaves none, then a short hash keeps names apart. */
  readonly separator?: string | undefined;
  /** Environment prefix, so that dev and test share a namespace. */
  readonly prefix?: string | undefined;
  /** Physical names set by hand, by logical name (`orders`, `orders/billing`, `orders/billing/dead`). */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /** The broker takes names that differ in case alone for one. Default false. */
  readonly ignoreCase?: boolean | undefined;
}

/**
 * Maps logical names (joined by `/`) to physical ones: injective, and an error at start-up for a name that is too long or that
 * two logical names would share. One instance an adapter.
 */
export function createNaming(rule: NamingRule): (logical: string) => string {
  if (rule.prefix !== undefined) checkLogicalName("prefix", rule.prefix);
  const byHand = new Map(Object.entries(rule.names ?? {}));
  for (const [logical, name] of byHand) {
    if (typeof name !== "string")
      throw coreErrors.WB_OPTION_INVALID({ option: `names[${JSON.stringify(logical)}]`, problem: "must be text" });
  }
  const taken = new Map<string, string>();
  const known = new Map<string, string>();

  const physicalName = (logical: string): string => {
    const named = byHand.get(logical);
    if (named !== undefined) return named;
    const [topic = "", subscription, ...rest] = logical.split("/");
    checkLogicalName("topic", topic);
    if (subscription !== undefined) checkLogicalName("subscription", subscription);
    const parts = rule.prefix === undefined ? [topic] : [rule.prefix, topic];
    if (subscription !== undefined) parts.push(subscription, ...rest);
    if (rule.separator !== undefined) return parts.join(rule.separator);
    if (parts.length === 1) return topic;
    return `${parts.join("-")}-${createHash("sha256").update(parts.join("/")).digest("hex").slice(0, 6)}`;
  };

  return (logical) => {
    const before = known.get(logical);
    if (before !== undefined) return before;
    const physical = physicalName(logical);
    if (physical.length > rule.maxLength) {
      throw coreErrors.WB_NAME_TOO_LONG({ entity: rule.entity, logical, physical, maxLength: rule.maxLength });
    }
    const entity = rule.ignoreCase === true ? physical.toLowerCase() : physical;
    const holder = taken.get(entity);
    if (holder !== undefined && holder !== logical) {
      throw coreErrors.WB_NAME_COLLISION({ entity: rule.entity, first: holder, second: logical, physical });
    }
    taken.set(entity, logical);
    known.set(logical, physical);
    return physical;
  };
}
