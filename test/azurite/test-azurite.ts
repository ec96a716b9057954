import { type Azurite, type AzuriteOptions, startAzurite } from "@waybill/emulators";
import { startOrSkip, Unavailable } from "../servers/unavailable.ts";

/**
 * Azurite for a test suite; `undefined`, with one line on stderr, where it does not start and `CI` is not set.
 *
 *     const azurite = await testAzurite("storage queues");
 *     describe.skipIf(!azurite)("storage queues", () => …);
 */
export function testAzurite(suite: string, options: AzuriteOptions = {}): Promise<Azurite | undefined> {
  return startOrSkip(suite, () =>
    startAzurite(options).catch((error: Error) => {
      throw new Unavailable(error.message, { cause: error });
    }),
  );
}
