/** It knows its neighbours in the list. */
export interface Listed<T> {
  previous: T | undefined;
  next: T | undefined;
}

/**
 * What is in hand of one link, in order of arrival. No `Set`: once one of its tables has grown old, V8 keeps all that a busy Set has held since, each
 * message with it, until the next full collection.
 */
export class HoldList<T extends Listed<T>> {
  first: T | undefined;
  #last: T | undefined;
  size = 0;

  add(hold: T): void {
    hold.previous = this.#last;
    if (this.#last === undefined) this.first = hold;
    else this.#last.next = hold;
    this.#last = hold;
    this.size++;
  }

  delete(hold: T): void {
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
  all(): T[] {
    const all: T[] = [];
    for (let hold = this.first; hold !== undefined; hold = hold.next) all.push(hold);
    return all;
  }
}
