import type { Connections } from "./connections.ts";

/** Begins every file that this command writes, so that it knows its own. */
export const ENVIRONMENT_HEAD = "# Written by `waybill dev`";

/** The connections as environment variables, those that the printed config names. */
export function variablesOf(connections: Connections, certificateFile: string | undefined): Record<string, string> {
  const { serviceBus, eventHubs, eventGrid, storage, kafka, control } = connections;
  return {
    ...(storage && { STORAGE_CONNECTION: storage.connectionString }),
    ...(serviceBus && { SERVICE_BUS_CONNECTION: serviceBus.connectionString }),
    ...(eventHubs && { EVENT_HUBS_CONNECTION: eventHubs.connectionString }),
    ...(eventGrid && { EVENT_GRID_ENDPOINT: eventGrid.endpoint, EVENT_GRID_KEY: eventGrid.key }),
    ...(kafka && { KAFKA_BROKERS: kafka.brokers.join(",") }),
    ...(control && { WAYBILL_DEV_CONTROL: control.url }),
    ...(certificateFile !== undefined && { NODE_EXTRA_CA_CERTS: certificateFile }),
  };
}

/** As a file that a POSIX shell sources and `node --env-file` reads alike: both take what stands in single quotes as it is. */
export function environmentText(variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
  return `${ENVIRONMENT_HEAD}: the addresses hold as long as it runs.\n${lines.join("\n")}\n`;
}
