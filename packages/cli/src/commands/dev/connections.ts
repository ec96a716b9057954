import type { Emulators } from "@waybill/emulators";

/** How to reach what runs: the object that `waybill dev --json` prints. What does not run has no member. */
export interface Connections {
  readonly serviceBus?: { readonly connectionString: string };
  readonly eventHubs?: { readonly connectionString: string };
  readonly eventGrid?: { readonly endpoint: string; readonly key: string };
  readonly storage?: { readonly connectionString: string };
  readonly kafka?: { readonly brokers: readonly string[] };
  /** Where faults and the state can be asked for. */
  readonly control?: { readonly url: string };
}

export function connectionsOf(
  { serviceBus, eventHubs, eventGrid, storage, controlUrl }: Partial<Emulators>,
  kafka: readonly string[] | undefined,
): Connections {
  return {
    ...(serviceBus && { serviceBus: { connectionString: serviceBus.connectionString } }),
    ...(eventHubs && { eventHubs: { connectionString: eventHubs.connectionString } }),
    ...(eventGrid && { eventGrid: { endpoint: eventGrid.endpoint, key: eventGrid.key } }),
    ...(storage && { storage: { connectionString: storage.connectionString } }),
    ...(kafka && { kafka: { brokers: kafka } }),
    ...(controlUrl && { control: { url: controlUrl } }),
  };
}
