/** Message ids seen within a time. All live equally long, so the oldest is always the first to go. */
export class DuplicateWindow {
  private readonly seen = new Map<string, number>();

  /** True when the id was seen within the window; otherwise it is remembered. */
  isDuplicate(id: string, now: number, windowMs: number): boolean {
    for (const [oldest, until] of this.seen) {
      if (until > now) break;
      this.seen.delete(oldest);
    }
    if (this.seen.has(id)) return true;
    this.seen.set(id, now + windowMs);
    return false;
  }
}
