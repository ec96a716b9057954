import { openBus } from "@waybill/config";

/** Consumes `orders/billing` as the configuration file says; each event fails twice. Says what happens, a line each, until it is killed. */
async function main(): Promise<void> {
  const [file] = process.argv.slice(2) as [string];
  const say = (what: string, id: string, attempt: number) => console.log(`${what} ${id} ${attempt}`);
  const bus = await openBus({ file });
  await bus.subscribe("orders", { name: "billing" }, async (event, { attempt }) => {
    say(attempt < 3 ? "failed" : "done", event.id, attempt);
    if (attempt < 3) throw new Error("not yet");
  });
  console.log("open");
}

void main();
