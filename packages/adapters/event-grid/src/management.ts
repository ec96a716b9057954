/**
 * Makes entities, with rights of the management plane, which a key or a data role does not have. A few lines over `@azure/arm-eventgrid`; both calls are
 * fine when the entity exists already.
 */
export interface EventGridManagement {
  createTopic(topic: string, signal: AbortSignal): Promise<void>;
  /** An event subscription of delivery mode `Queue` (pull), with that lock. */
  createSubscription(
    topic: string,
    subscription: string,
    settings: { readonly receiveLockDurationInSeconds: number },
    signal: AbortSignal,
  ): Promise<void>;
}
