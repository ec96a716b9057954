import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { followParent, tell } from "./child.ts";
import { arrivalOf, openLog } from "./log.ts";
import { seeded } from "./seeded.ts";

/** The longest that an answer takes. */
const MAX_DELAY_MS = 4;
/** Answers that never arrive although the events were taken. */
const LOST_ANSWERS = 1 / 300;
/** Events that are refused when they come for the first time. */
const REFUSED = 1 / 500;

/**
 * A broker in a process of its own: `node broker-process.ts PORT LOG SEED`. A POST carries one line an event and is answered with the indexes of those
 * that were refused: once one is, so are the later ones of its key. What is in the log it has; killed between writing and answering it has what its client does not know of.
 */
function main(): void {
  const [port = "", path = "", seed = ""] = process.argv.slice(2);
  followParent();
  const append = openLog(path);
  const random = seeded(Number(seed));
  const refusedOnce = new Set<string>();
  const server = createServer(async (request, response) => {
    try {
      let body = "";
      for await (const chunk of request.setEncoding("latin1")) body += chunk;
      const lines = body.split("\n").slice(0, -1);
      const refused: number[] = [];
      const stopped = new Set<string>();
      let taken = "";
      for (const [index, line] of lines.entries()) {
        const { id, name } = arrivalOf(line);
        if (stopped.has(name) || (random() < REFUSED && !refusedOnce.has(id))) {
          refusedOnce.add(id);
          stopped.add(name);
          refused.push(index);
        } else taken += `${line}\n`;
      }
      append(taken);
      await sleep(random() * MAX_DELAY_MS);
      if (random() < LOST_ANSWERS) request.socket.destroy();
      else response.end(JSON.stringify(refused));
    } catch {
      // The client has gone in the middle of its request.
      request.socket.destroy();
    }
  });
  server.listen(Number(port), "127.0.0.1", () => tell({ ready: true }));
}

main();
