import type { Hold } from "./hold.ts";

/**
 * What is in hand of one link, in order of arrival. No `Set`: once one of its tables has grown old, V8 keeps all that a busy Set has held since, each
 * message with it, until the next full collection.
 */
export class HoldList {
  first: Hold | undefined;
  #last: Hold | undefined;
  size = 0;

  add(hold: Hold): void {
    hold.previous = this.#last;
    if (this.#last === undefined) this.first = hold;
    else this.#last.next = hold;
    this.#last = hold;
    this.size++;
  }

  delete(hold: Hold): void {
    const { previous, next } = hold;
    if (previous === undefined && this.first !== hold) return;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    hold.previous = undefined;
    hold.next = undefined;
    this.size--;
  }

  /** As it is now: what follows may take some out. */
  all(): Hold[] {
    const all: Hold[] = [];
    for (let hold = this.first; hold !== undefined; hold = hold.next) all.push(hold);
    return all;
  }
}
