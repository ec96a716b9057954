import { ServiceBusClient, type ServiceBusSessionReceiver } from "@azure/service-bus";
import { type Load, RECEIVERS } from "./locks.ts";

const SESSIONS = 200;
const BATCH = 100;

interface Session {
  holder: number | undefined;
  /** The number of the last message that was completed. */
  last: number;
}

/**
 * Receivers take the next free session, work through some of its messages in order and leave it, sometimes with messages in hand.
 * Nobody else may hold it meanwhile, and every next message must be the one after the last that was completed.
 */
export async function checkSessions(queue: string, { connectionString, messages, random, progress }: Load) {
  const problems: string[] = [];
  const sessions = Array.from({ length: SESSIONS }, (): Session => ({ holder: undefined, last: -1 }));
  let completed = 0;
  let left = 0;
  const options = { retryOptions: { maxRetries: 0, timeoutInMs: 2_000 } };
  const clients = Array.from({ length: RECEIVERS }, () => new ServiceBusClient(connectionString, options));

  const send = async () => {
    const sender = clients[0]!.createSender(queue);
    const next = sessions.map(() => 0);
    for (let sent = 0; sent < messages; sent += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, messages - sent) }, () => {
        const session = Math.floor(random() * SESSIONS);
        return { sessionId: String(session), body: next[session]!++ };
      });
      await sender.sendMessages(batch);
    }
  };
  const work = async (receiver: ServiceBusSessionReceiver, session: Session) => {
    const some = await receiver.receiveMessages(50, { maxWaitTimeInMs: 100 });
    const leave = random() < 0.1 ? Math.floor(some.length / 2) : some.length;
    for (const [at, { body }] of some.entries())
      if (body !== session.last + 1 + at)
        problems.push(`session ${receiver.sessionId}: ${body} came after ${session.last + at}`);
    const done = await Promise.allSettled(some.slice(0, leave).map((message) => receiver.completeMessage(message)));
    for (const result of done) {
      if (result.status === "rejected") {
        const { code } = result.reason as { code?: string };
        problems.push(`session ${receiver.sessionId}: a settlement failed: ${code}`);
        break;
      }
      session.last += 1;
      completed += 1;
    }
    left += some.length - leave;
  };
  const receive = async (client: ServiceBusClient, holder: number) => {
    while (completed < messages) {
      const receiver = await client
        .acceptNextSession(queue, { maxAutoLockRenewalDurationInMs: 0 })
        .catch((error: { code?: string }) => {
          // None is free just now.
          if (error.code !== "ServiceTimeout") problems.push(`no session: ${error.code}`);
          return undefined;
        });
      if (receiver === undefined) continue;
      const session = sessions[Number(receiver.sessionId)]!;
      if (session.holder !== undefined)
        problems.push(`session ${receiver.sessionId} is held by ${session.holder} and by ${holder}`);
      session.holder = holder;
      await work(receiver, session);
      session.holder = undefined;
      await receiver.close();
    }
  };
  const watch = setInterval(() => progress(`sessions: ${completed} of ${messages} completed`), 5_000);
  try {
    await Promise.all([send(), ...clients.map(receive)]);
  } finally {
    clearInterval(watch);
    await Promise.all(clients.map((client) => client.close()));
  }
  return { problems, completed, givenBack: left };
}
