import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface EmulatorAddresses {
  readonly serviceBus: string;
  readonly eventHubs: string;
  readonly eventGrid: { readonly endpoint: string; readonly key: string };
  readonly storage: string;
}

/** More than one benchmark measures: each measurement takes the next. */
const PLACES = Array.from({ length: 60 }, (_, index) => `bench-${index}`);
const SCRIPT = fileURLToPath(new URL("./emulators-process.ts", import.meta.url));

/** The emulators beside this process, so that their work is not taken for the SDK's. */
export async function startEmulatorsBeside() {
  const child = spawn(process.execPath, ["--conditions=waybill-source", SCRIPT, ...PLACES], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const first = await Promise.race([
    once(child, "message").then(([message]) => message as EmulatorAddresses),
    once(child, "exit").then(([code]) => {
      throw new Error(`The emulators ended with ${code}.`);
    }),
  ]);
  let next = 0;
  return {
    ...first,
    place: async () => {
      const topic = PLACES[next++];
      if (topic === undefined) throw new RangeError(`There are only ${PLACES.length} places.`);
      return { topic, subscription: "billing" };
    },
    stop: async () => {
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}
