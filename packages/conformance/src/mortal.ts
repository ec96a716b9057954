import type { Adapter, DeadLetterStore, Receiver, Sender } from "@waybill/core/spi";

/**
 * An instance that can be cut off as if its process had died. Afterwards every call fails and nothing more reaches the broker; what it held stays
 * held until its lease ends. Only for brokers that learn of a death by a lease: one that counts heartbeats needs `Harness.crash`.
 */
export function mortal(adapter: Adapter): { adapter: Adapter; crash: () => Promise<void> } {
  const death = new AbortController();
  const dead = () => new Error("This instance has crashed.");

  /** The call's answer, unless death comes first. */
  const alive = <T>(call: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const die = () => reject(dead());
      if (death.signal.aborted) return die();
      death.signal.addEventListener("abort", die, { once: true });
      const free = () => death.signal.removeEventListener("abort", die);
      call().then(resolve, reject).finally(free);
    });
  const close = (part: { close(): Promise<void> }) => async () => {
    if (!death.signal.aborted) await part.close();
  };
  const wrapSender = (sender: Sender): Sender => ({
    capabilities: sender.capabilities,
    ...(sender.measure === undefined ? {} : { measure: (message) => sender.measure!(message) }),
    send: (messages, signal) => alive(() => sender.send(messages, signal)),
    close: close(sender),
  });
  const wrapReceiver = <R extends Receiver>(receiver: R): R => {
    const wrapped: Receiver & Partial<DeadLetterStore> = {
      capabilities: receiver.capabilities,
      returnTo: receiver.returnTo,
      receive: (want, signal) => alive(() => receiver.receive(want, signal)),
      settle: (settlements, signal) => alive(() => receiver.settle(settlements, signal)),
      close: close(receiver),
    };
    if (receiver.renew !== undefined) wrapped.renew = (held, signal) => alive(() => receiver.renew!(held, signal));
    if ("browse" in receiver) {
      const store = receiver as unknown as DeadLetterStore;
      wrapped.browse = (max, signal) => alive(() => store.browse(max, signal));
    }
    return wrapped as R;
  };

  const wrapped: Adapter = {
    name: adapter.name,
    openSender: (topic) => alive(() => adapter.openSender(topic)).then(wrapSender),
    openReceiver: (source) => alive(() => adapter.openReceiver(source)).then(wrapReceiver),
    classify: (error) => (death.signal.aborted ? "closed" : adapter.classify(error)),
    health: (signal) => adapter.health(signal),
    close: close(adapter),
  };
  if (adapter.backlog !== undefined) wrapped.backlog = (source) => alive(() => adapter.backlog!(source));
  if (adapter.openDeadLetters !== undefined) {
    wrapped.openDeadLetters = (source) => alive(() => adapter.openDeadLetters!(source)).then(wrapReceiver);
  }
  return {
    adapter: wrapped,
    crash: async () => death.abort(),
  };
}
