/** Runs at most `limit` jobs at a time; the others wait in the order in which they came. */
export function createLimiter(limit: number): <T>(job: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (running < limit) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await job();
    } finally {
      // The slot is handed on, so that nobody who comes now can pass those who wait.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
