/**
 * What `running` resolves to, unless the signal aborts first: then rejects with its reason after calling `left`, and what comes of `running` is
 * ignored.
 */
export function orAbort<T>(running: Promise<T>, signal: AbortSignal | undefined, left?: () => void): Promise<T> {
  if (signal === undefined) return running;
  return new Promise((resolve, reject) => {
    const abort = () => {
      left?.();
      reject(signal.reason);
    };
    const stopListening = () => signal.removeEventListener("abort", abort);
    running.finally(stopListening).then(resolve, reject);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
