import { describe, expect, it } from "vitest";
import { checkAccess } from "./access.ts";
import { checkOptions } from "./options.ts";

const endpoint = "https://shop.westeurope-1.eventgrid.azure.net";
const SECRET = "dGhlLXNlY3JldC1rZXk=";

describe("options", () => {
  it("have the service's own defaults", () => {
    expect(checkOptions({ endpoint, key: SECRET })).toMatchObject({
      kind: "namespace",
      lockMs: 60_000,
      maxDeliveryCount: 10,
      maxWaitMs: 60_000,
      requestTimeoutMs: 30_000,
    });
  });

  it.each([
    [{ lockMS: 1 }, /lockMS does not exist/],
    [{ kind: "basic" }, /kind must be one of/],
    [{ kind: "custom" }, /topics is missing/],
    [{ topics: {} }, /goes with kind custom/],
    [{ lockMs: 300_001 }, /lockMs must be between/],
    [{ lockMs: Number.NaN }, /lockMs must be between/],
    [{ maxWaitMs: 1_000 }, /maxWaitMs must be between/],
    [{ maxDeliveryCount: 1.5 }, /maxDeliveryCount must be a whole number/],
    [{ deadLettered: ["orders"] }, /deadLettered must be a list/],
    [{ pushed: ["orders/billing"] }, /pushed needs webhook/],
    [{ webhook: {} }, /names no authentication/],
    [{ subscriptions: { orders: "billing" } }, /must be a list/],
    [{ subscriptions: { Orders: [] } }, /Orders/],
    [{ prefix: "Dev" }, /Dev/],
  ])("%j is refused", (options, sentence) => {
    expect(() => checkOptions(options as never)).toThrow(sentence);
  });

  it("are an object", () => {
    expect(() => checkOptions(undefined as never)).toThrow(/is missing/);
  });
});

describe("access", () => {
  it("takes exactly one way to sign in", () => {
    expect(checkAccess("here", { endpoint, key: SECRET })).toMatchObject({ insecure: false, secret: { key: SECRET } });
    expect(checkAccess("here", { endpoint, sas: "r=a&e=b&s=c" }).secret).toEqual({ sas: "r=a&e=b&s=c" });
    const credential = { getToken: async () => null };
    expect(checkAccess("here", { endpoint, credential }).secret).toEqual({ credential });
    expect(checkAccess("here", { endpoint: "http://127.0.0.1:1", key: SECRET }).insecure).toBe(true);
  });

  it.each([
    [{}, /endpoint is missing/],
    [{ endpoint: "shop", key: SECRET }, /no http or https/],
    [{ endpoint: `${endpoint}?sas=x`, key: SECRET }, /more than a host/],
    [{ endpoint: "https://a:b@host", key: SECRET }, /more than a host/],
    [{ endpoint: "http://shop.example", key: SECRET }, /this machine only/],
    [{ endpoint }, /no credentials/],
    [{ endpoint, key: SECRET, sas: "r=a&e=b&s=c" }, /more than one way/],
    [{ endpoint, key: "" }, /key is empty/],
    [{ endpoint, key: `${SECRET}\r\nx: y` }, /key is empty or no text of one line/],
    [{ endpoint, sas: SECRET }, /no signature of the form/],
    [{ endpoint, credential: {} }, /no TokenCredential/],
    [{ endpoint: "http://localhost:1", credential: { getToken: async () => null } }, /only sent over https/],
  ])("refuses %#, without repeating a value", (access, sentence) => {
    let error: unknown;
    try {
      checkAccess("here", access as never);
    } catch (thrown) {
      error = thrown;
    }
    expect(String(error)).toMatch(sentence);
    expect(String(error)).not.toContain(SECRET);
  });
});
