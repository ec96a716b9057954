import type { IntakeJournal } from "./store-journal.ts";

/** Message ids seen within a time. All live equally long, so the oldest is always the first to go. */
export class DuplicateWindow {
  private readonly seen = new Map<string, number>();
  private readonly journal: IntakeJournal;

  constructor(journal: IntakeJournal) {
    this.journal = journal;
  }

  /** True when the id was seen within the window; otherwise it is remembered. */
  isDuplicate(id: string, now: number, windowMs: number): boolean {
    for (const [oldest, until] of this.seen) {
      if (until > now) break;
      this.seen.delete(oldest);
      this.journal.idForgotten(oldest);
    }
    if (this.seen.has(id)) return true;
    this.seen.set(id, now + windowMs);
    this.journal.idSeen(id, now + windowMs);
    return false;
  }

  /** In the order in which their time ends. */
  restore(id: string, until: number): void {
    this.seen.set(id, until);
  }
}
