import type { Entity } from "./entity.ts";
import type { IntakeJournal, StoreJournal, StoreJournals } from "./store-journal.ts";

/** Is told of every change that a restart must not lose, at once and in order. Locks are not among them: a restart ends them. */
export interface Journal extends StoreJournals {
  /** It was made, or its settings or rules were changed. */
  entityChanged(entity: Entity): void;
  /** With everything in it. */
  entityRemoved(entity: Entity): void;
}

const nothing = () => undefined;
const NO_STORE: StoreJournal = {
  stored: nothing,
  changed: nothing,
  removed: nothing,
  numberUsed: nothing,
  sessionStateSet: nothing,
};
const NO_INTAKE: IntakeJournal = {
  scheduled: nothing,
  unscheduled: nothing,
  idSeen: nothing,
  idForgotten: nothing,
  numberUsed: nothing,
};

/** Everything is in memory. */
export const NO_JOURNAL: Journal = {
  entityChanged: nothing,
  entityRemoved: nothing,
  store: () => NO_STORE,
  intake: () => NO_INTAKE,
};
