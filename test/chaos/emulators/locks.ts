import { ServiceBusClient, type ServiceBusReceivedMessage, type ServiceBusReceiver } from "@azure/service-bus";
import { LockLedger } from "./lock-ledger.ts";

export interface Load {
  readonly connectionString: string;
  readonly messages: number;
  readonly random: () => number;
  readonly progress: (line: string) => void;
}

export const RECEIVERS = 8;
const SENDERS = 4;
const BATCH = 100;

/**
 * Senders and receivers at work on one queue with short locks: most messages are completed, some abandoned, some left until their lock
 * runs out. Every delivery is checked against all before it.
 */
export async function checkLocks(queue: string, { connectionString, messages, random, progress }: Load) {
  const ledger = new LockLedger();
  const clients = Array.from({ length: RECEIVERS }, () => new ServiceBusClient(connectionString));
  const lastOf = new Map<number, { n: number; number: number }>();

  const send = async (sender: number) => {
    const link = clients[sender]!.createSender(queue);
    const own = Math.floor(messages / SENDERS) + (sender < messages % SENDERS ? 1 : 0);
    for (let n = 0; n < own; n += BATCH)
      await link.sendMessages(
        Array.from({ length: Math.min(BATCH, own - n) }, (_, at) => ({ body: { sender, n: n + at } })),
      );
    await link.close();
  };
  const seen = new Map<number, Map<number, number>>();
  const note = (message: ServiceBusReceivedMessage) => {
    ledger.delivered(message);
    const { sender, n } = message.body as { sender: number; n: number };
    const numbers = seen.get(sender) ?? new Map<number, number>();
    seen.set(sender, numbers);
    numbers.set(n, Number(message.sequenceNumber));
  };
  const receive = async (client: ServiceBusClient) => {
    const receiver = client.createReceiver(queue, { maxAutoLockRenewalDurationInMs: 0 });
    let left: ServiceBusReceivedMessage[] = [];
    while (ledger.completed < messages) {
      const late = left.filter(({ lockedUntilUtc }) => lockedUntilUtc!.getTime() < Date.now());
      left = left.filter((message) => !late.includes(message));
      await expectLost(receiver, ledger, late);
      const some = await receiver.receiveMessages(60, { maxWaitTimeInMs: 300 });
      for (const message of some) note(message);
      const choices = some.map((message) => ({ message, choice: random() }));
      left.push(...choices.filter(({ choice }) => choice >= 0.98).map(({ message }) => message));
      await settle(
        receiver,
        ledger,
        choices.filter(({ choice }) => choice < 0.93).map(({ message }) => message),
        choices.filter(({ choice }) => choice >= 0.93 && choice < 0.98).map(({ message }) => message),
      );
    }
    await receiver.close();
  };
  const watch = setInterval(() => progress(`locks: ${ledger.completed} of ${messages} completed`), 5_000);
  try {
    await Promise.all([...Array.from({ length: SENDERS }, (_, at) => send(at)), ...clients.map(receive)]);
    ledger.checkNumbers(messages);
    for (const [sender, numbers] of seen) {
      for (const [n, number] of [...numbers].sort(([a], [b]) => a - b)) {
        const last = lastOf.get(sender);
        if (last !== undefined && last.number >= number)
          ledger.problems.push(`sender ${sender}: message ${n} has the number ${number} after ${last.number}`);
        lastOf.set(sender, { n, number });
      }
    }
    await checkEmpty(clients[0]!, queue, ledger);
  } finally {
    clearInterval(watch);
    await Promise.all(clients.map((client) => client.close()));
  }
  return { problems: ledger.problems, completed: ledger.completed, redelivered: ledger.redelivered };
}

/** One kind of outcome after the other: the SDK mixes up different ones that leave in the same tick. */
async function settle(
  receiver: ServiceBusReceiver,
  ledger: LockLedger,
  toComplete: readonly ServiceBusReceivedMessage[],
  toAbandon: readonly ServiceBusReceivedMessage[],
): Promise<void> {
  const done = await Promise.allSettled(toComplete.map((message) => receiver.completeMessage(message)));
  for (const [at, result] of done.entries()) {
    if (result.status === "fulfilled") ledger.completedOne(toComplete[at]!);
    else expectLockLost(ledger, result.reason);
  }
  for (const message of toAbandon) ledger.givingBack(message);
  const given = await Promise.allSettled(toAbandon.map((message) => receiver.abandonMessage(message)));
  for (const result of given) if (result.status === "rejected") expectLockLost(ledger, result.reason);
}

/** Whoever had a lock and waited too long is told so. Not to be left out: the SDK keeps room for 2 048 deliveries that are not settled. */
async function expectLost(
  receiver: ServiceBusReceiver,
  ledger: LockLedger,
  late: readonly ServiceBusReceivedMessage[],
): Promise<void> {
  const results = await Promise.allSettled(late.map((message) => receiver.completeMessage(message)));
  for (const [at, result] of results.entries()) {
    if (result.status === "rejected") expectLockLost(ledger, result.reason);
    else {
      ledger.problems.push(`${late[at]!.sequenceNumber} could be completed after its lock was over`);
      ledger.completedOne(late[at]!);
    }
  }
}

function expectLockLost(ledger: LockLedger, error: { code?: string; message?: string }): void {
  if (error.code !== "MessageLockLost") ledger.problems.push(`a settlement failed: ${error.code} ${error.message}`);
}

async function checkEmpty(client: ServiceBusClient, queue: string, ledger: LockLedger): Promise<void> {
  for (const options of [{}, { subQueueType: "deadLetter" as const }]) {
    const left = await client.createReceiver(queue, options).peekMessages(1);
    if (left.length > 0) ledger.problems.push(`${left[0]!.sequenceNumber} is left in ${JSON.stringify(options)}`);
  }
}
