import { type Call, createCall, type Health } from "@waybill/core/spi";
import { classify, failedCall } from "./classify.ts";
import type { Settings } from "./options.ts";
import type { Outlet, Outlets } from "./outlets.ts";
import type { Parts } from "./parts.ts";
import type { Pull } from "./pull.ts";
import type { RestClient } from "./rest-client.ts";

export interface HealthOptions {
  readonly settings: Pick<Settings, "subscriptions" | "requestTimeoutMs">;
  readonly parts: Parts;
  readonly client: RestClient | undefined;
  readonly pull: Pull | undefined;
  readonly outlets: Outlets;
  /** Topics that events are sent to. */
  readonly sending: ReadonlySet<string>;
}

/** The data plane has no ping. What is in use is asked by calls that change nothing: a renewal of nobody's lock, a publish of no events. */
export function createHealth(o: HealthOptions): (signal: AbortSignal) => Promise<Health> {
  const call = createCall(o.settings.requestTimeoutMs, o.parts.closed);

  const ask = async (signal: AbortSignal): Promise<void> => {
    const declared = [...o.settings.subscriptions].find(([, list]) => list.length > 0);
    const [inUse] = o.pull?.inUse.values() ?? [];
    if (o.pull !== undefined && inUse !== undefined) await o.pull.checkSource(inUse, signal);
    else if (o.pull !== undefined && declared !== undefined) await o.pull.check(declared[0], declared[1][0]!, signal);
    else if (o.client === undefined || o.sending.size > 0) {
      const asked = o.sending.size > 0 ? [...o.sending].map((topic) => o.outlets.of(topic)) : [...o.outlets.endpoints];
      await Promise.all(asked.map((outlet) => publishNothing(call, outlet, signal)));
    } else await reach(call, o.client, signal);
  };

  return async (signal) => {
    try {
      o.parts.closed.throwIfAborted();
      await ask(signal);
      return { ok: true };
    } catch (error) {
      return { ok: false, error };
    }
  };
}

async function publishNothing(call: Call, { place, publish }: Outlet, signal: AbortSignal): Promise<void> {
  try {
    await call(signal, (abortSignal) => publish([], abortSignal));
  } catch (error) {
    // It has looked at the credentials, and at what was sent.
    if (classify(error) !== "invalid") throw failedCall("Asking", place, error);
  }
}

/** Any answer will do. */
async function reach(call: Call, client: RestClient, signal: AbortSignal): Promise<void> {
  try {
    await call(signal, (abortSignal) => client({ path: "/" }, abortSignal));
  } catch (error) {
    if (typeof (error as { statusCode?: unknown })?.statusCode !== "number")
      throw failedCall("Asking", "endpoint", error);
  }
}
