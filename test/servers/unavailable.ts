/** This machine cannot run a server that a suite needs; the message says why. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/**
 * What `start` resolves to. Where there can be no such server: one line on stderr and `undefined`, so that the suite is skipped; where
 * `CI` is set, a rejection. A server that could start and does not is always a rejection.
 */
export async function startOrSkip<Server>(suite: string, start: () => Promise<Server>): Promise<Server | undefined> {
  try {
    return await start();
  } catch (error) {
    if (process.env.CI || !(error instanceof Unavailable)) throw error;
    console.warn(`${suite}: skipped. ${error.message}`);
    return undefined;
  }
}
