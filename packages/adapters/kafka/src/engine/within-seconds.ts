/** Clients wait for their last fetch, and for a broker that may be gone to answer the goodbye. */
const PATIENCE_MS = 5_000;

/** Resolves when `ending` has, or after some seconds; never rejects. */
export async function withinSeconds(ending: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS);
  });
  await Promise.race([ending.then(noop, noop), late]);
  clearTimeout(timer);
}

const noop = () => undefined;
