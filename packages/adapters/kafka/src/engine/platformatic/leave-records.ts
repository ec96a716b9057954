import type { Base, Connection } from "@platformatic/kafka";
import { readFetchResponse } from "./fetch-response.ts";
import type { Library } from "./library.ts";

/** The library makes objects of every record of a fetch at once, which live until the record's turn comes. On this client's connections records are left as they came. */
export function leaveRecords(library: Library, client: Pick<Base, "connections">): void {
  const { parseResponse } = library.fetchV17;
  client.connections.on("connecting", ({ connection }: { connection: Connection }) => {
    const send = connection.send.bind(connection) as (...given: unknown[]) => void;
    connection.send = (apiKey, apiVersion, payload, parser, ...rest) => {
      const leaves = (parser as unknown) === parseResponse;
      send(
        apiKey,
        apiVersion,
        payload,
        leaves ? (...[, , , reader]: Parameters<typeof parseResponse>) => readFetchResponse(library, reader) : parser,
        ...rest,
      );
    };
  });
}
