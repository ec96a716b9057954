/** Faults that are switched on. Each looks to a client as the service's own would. */
export class FaultPlan {
  /** Publishing and receiving are answered with 429 and this Retry-After, in seconds. */
  throttle: number | undefined;
  /** Answers that are given instead of doing anything; first in, first out. */
  readonly refusals: { readonly status: number; times: number; readonly message: string }[] = [];
  /** Requests are read and not answered. */
  isSilent = false;

  takeRefusal(): { readonly status: number; readonly message: string } | undefined {
    const first = this.refusals[0];
    if (first === undefined) return undefined;
    first.times -= 1;
    if (first.times <= 0) this.refusals.shift();
    return first;
  }
}
