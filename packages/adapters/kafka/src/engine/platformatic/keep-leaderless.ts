import type { Base } from "@platformatic/kafka";
import type { Library } from "./library.ts";
import { replaceParser } from "./replace-parser.ts";

/** To the library a topic of which one partition has no leader is an error as a whole. To this client it is known, and that partition's leader is -1. */
export function keepLeaderless(library: Library, client: Pick<Base, "connections">): void {
  const { parseResponse } = library.metadataV12;
  replaceParser(client, parseResponse, (...given) => {
    try {
      return parseResponse(...given);
    } catch (error) {
      const { errors, response } = error as { errors?: readonly { apiId?: unknown }[]; response?: unknown };
      if (errors?.every(({ apiId }) => apiId === "LEADER_NOT_AVAILABLE") !== true) throw error;
      return response as ReturnType<typeof parseResponse>;
    }
  });
}
