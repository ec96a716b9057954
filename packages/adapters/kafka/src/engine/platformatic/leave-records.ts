import type { Base } from "@platformatic/kafka";
import { readFetchResponse } from "./fetch-response.ts";
import type { Library } from "./library.ts";
import { replaceParser } from "./replace-parser.ts";

/** The library makes objects of every record of a fetch at once, which live until the record's turn comes. On this client's connections records are left as they came. */
export function leaveRecords(library: Library, client: Pick<Base, "connections">): void {
  replaceParser(client, library.fetchV17.parseResponse, (...[, , , reader]) => readFetchResponse(library, reader));
}
