/** What a watcher's hook has answered: nothing, unless it is asynchronous. Then nobody waits for it, and a rejection that nobody hears would end the process. */
export function ignoreRejection(answer: unknown): void {
  if (answer instanceof Promise) answer.catch(() => undefined);
}
