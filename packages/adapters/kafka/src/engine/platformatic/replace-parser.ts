import type { Base, Connection } from "@platformatic/kafka";

/** On this client's connections alone, answers that the library would read by `parser` are read by `other`. */
export function replaceParser<Given extends unknown[]>(
  client: Pick<Base, "connections">,
  parser: (...given: Given) => unknown,
  other: (...given: Given) => unknown,
): void {
  client.connections.on("connecting", ({ connection }: { connection: Connection }) => {
    const send = connection.send.bind(connection) as (...given: unknown[]) => void;
    connection.send = (apiKey, apiVersion, payload, own, ...rest) =>
      send(apiKey, apiVersion, payload, (own as unknown) === parser ? other : own, ...rest);
  });
}
