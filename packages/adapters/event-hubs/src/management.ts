/** Makes hubs and consumer groups: for the service, `armManagement` over `@azure/arm-eventhub`; for an emulator, whatever it has. */
export interface HubManagement {
  /** Fine when it exists already. */
  createHub(hub: string, signal: AbortSignal): Promise<unknown>;
  /** Fine when it exists already. */
  createConsumerGroup(hub: string, group: string, signal: AbortSignal): Promise<unknown>;
}
