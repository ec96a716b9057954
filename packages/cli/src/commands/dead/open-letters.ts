import type { DeadLetters } from "@waybill/core";
import type { Session } from "../../session.ts";

/** The dead letters of a subscription. Where the configuration sends them elsewhere they are not here, and whoever looks is told. */
export async function openLetters(
  { open, output }: Pick<Session, "open" | "output">,
  topic: string,
  subscription: string,
): Promise<DeadLetters> {
  const { bus, loaded } = await open({ topic });
  const to = loaded.config.topics[topic]?.subscriptions[subscription]?.deadLetterTo;
  if (to !== undefined)
    output.note(
      `${topic}/${subscription} gives events up to the topic ${to}, says the configuration: they are read there, and only older ones here`,
    );
  return bus.deadLetters(topic, subscription);
}
