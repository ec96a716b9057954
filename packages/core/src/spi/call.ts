/**
 * Runs one call of the SDK with a signal for it. Rejects, whether or not the SDK then ends its call: with a TimeoutError when no answer came in
 * time, with an AbortError when the caller's signal aborts, with the reason of `closing` when what the call belongs to is closed.
 */
export type Call = <T>(signal: AbortSignal | undefined, run: (abortSignal: AbortSignal) => Promise<T>) => Promise<T>;

/** The SDK's own timeout is only told to the service; one that accepts a connection and never answers would be waited for without end. */
export function createCall(timeoutMs: number, closing: AbortSignal): Call {
  return (signal, run) =>
    new Promise((resolve, reject) => {
      const controller = new AbortController();
      const stop = (reason: unknown) => {
        finish();
        reject(reason);
        controller.abort(reason);
      };
      const onAbort = () => stop(new DOMException("no answer before the caller gave up", "AbortError"));
      const onClosing = () => stop(closing.reason);
      const timer = setTimeout(
        () => stop(new DOMException(`no answer within ${timeoutMs} ms`, "TimeoutError")),
        timeoutMs,
      );
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        closing.removeEventListener("abort", onClosing);
      };
      if (closing.aborted) return onClosing();
      if (signal?.aborted) return onAbort();
      signal?.addEventListener("abort", onAbort, { once: true });
      closing.addEventListener("abort", onClosing, { once: true });
      run(controller.signal).finally(finish).then(resolve, reject);
    });
}
