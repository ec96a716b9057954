import { fromIsoDuration } from "./iso-duration.ts";
import { sameEntity, type Wanted } from "./wanted-entities.ts";

/** What the administration API says of a topic, queue or subscription; only what is compared. */
export interface Found {
  readonly requiresSession?: boolean | undefined;
  readonly requiresDuplicateDetection?: boolean | undefined;
  readonly duplicateDetectionHistoryTimeWindow?: string | undefined;
  readonly lockDuration?: string | undefined;
  readonly maxDeliveryCount?: number | undefined;
  readonly deadLetteringOnMessageExpiration?: boolean | undefined;
  readonly forwardTo?: string | undefined;
}

/** A limit that an operator chose is kept as long as core's own is reached first. */
const ENOUGH_DELIVERIES = 100;

/** What cannot be made right in place. */
export function problemOf({ settings, entity }: Wanted, found: Found): string | undefined {
  const wanted: Found = settings;
  if (wanted.requiresSession !== undefined && (found.requiresSession ?? false) !== wanted.requiresSession) {
    return wanted.requiresSession
      ? `This ${entity} has no sessions, which is fixed when it is created: make it anew, or set sessions: none.`
      : `This ${entity} requires sessions, which is fixed when it is created: make it anew${entity === "queue" ? ", or set sessions" : ""}.`;
  }
  const dedupe = wanted.requiresDuplicateDetection;
  if (dedupe !== undefined && (found.requiresDuplicateDetection ?? false) !== dedupe) {
    return dedupe
      ? `This ${entity} has no duplicate detection, which is fixed when it is created: make it anew, or leave duplicateDetection out.`
      : `This ${entity} detects duplicates, which is fixed when it is created, and would drop what is sent twice on purpose: make it anew, or set duplicateDetection where it is wanted.`;
  }
  return undefined;
}

/** What an update would change, in words. */
export function differences({ settings }: Wanted, found: Found): string[] {
  const wanted: Found = settings;
  const changes: string[] = [];
  for (const name of ["lockDuration", "duplicateDetectionHistoryTimeWindow"] as const) {
    const [from, to] = [found[name], wanted[name]];
    if (to !== undefined && fromIsoDuration(from) !== fromIsoDuration(to))
      changes.push(`${name} from ${from} to ${to}`);
  }
  const { maxDeliveryCount: most, forwardTo, deadLetteringOnMessageExpiration: keeps } = wanted;
  if (most !== undefined && (found.maxDeliveryCount ?? 0) < ENOUGH_DELIVERIES) {
    changes.push(`maxDeliveryCount from ${found.maxDeliveryCount} to ${most}`);
  }
  if (keeps === true && found.deadLetteringOnMessageExpiration !== true) {
    changes.push("deadLetteringOnMessageExpiration to true");
  }
  if (forwardTo !== undefined && (found.forwardTo === undefined || !sameEntity(found.forwardTo, forwardTo))) {
    changes.push(`forwardTo to ${forwardTo}`);
  }
  return changes;
}
