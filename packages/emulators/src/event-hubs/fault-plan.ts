/** Faults that are switched on. Each looks to a client as the service's own would. */
export class FaultPlan {
  /** Sends and property requests are answered with server-busy. */
  isBusy = false;
  /** Attaches are not answered. */
  holdsAttach = false;
}
