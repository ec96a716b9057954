import type { EventHubsEmulator } from "@waybill/emulators";
import type { HubManagement } from "@waybill/event-hubs";

/** The same connection string or address, by another port of this machine. */
export const throughPort = (text: string, from: number, to: number): string => text.replaceAll(`:${from}`, `:${to}`);

/** The emulator's control as the management plane. */
export function emulatorManagement({ control }: EventHubsEmulator, partitionCount: number): HubManagement {
  return {
    createHub: async (hub) => {
      try {
        control.createHub(hub, { partitionCount });
      } catch {
        // It is there: whoever asks for the state of a hub that is not gets an error.
        control.state(hub);
      }
    },
    createConsumerGroup: async (hub, group) => control.createConsumerGroup(hub, group),
  };
}
