import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { authorize } from "./authorization.ts";

const NOW = Date.parse("2026-03-04T05:06:07Z");
const KEY = Buffer.from("a key").toString("base64");
const gate = { keys: [KEY], path: "/orders/api/events", host: "localhost", isNamespace: false, now: NOW };

const token = (expiry: string, resource = "http://localhost/orders/api/events?apiVersion=2018-01-01", key = KEY) => {
  const unsigned = `r=${encodeURIComponent(resource)}&e=${encodeURIComponent(expiry)}`;
  const signature = createHmac("sha256", Buffer.from(key, "base64")).update(unsigned).digest("base64");
  return `${unsigned}&s=${encodeURIComponent(signature)}`;
};
const check = (headers: object, more: object = {}) => {
  try {
    authorize(headers as never, { ...gate, ...more });
    return "in";
  } catch (error) {
    return (error as { status: number }).status;
  }
};

describe("authorization", () => {
  // fidelity event-grid: key and SAS
  it("takes the key, in the place of the tier", () => {
    expect(check({ "aeg-sas-key": KEY })).toBe("in");
    expect(check({ "aeg-sas-key": `${KEY}x` })).toBe(401);
    expect(check({ authorization: `SharedAccessKey ${KEY}` }, { isNamespace: true })).toBe("in");
    expect(check({ "aeg-sas-key": KEY }, { isNamespace: true })).toBe(401);
    expect(check({})).toBe(401);
  });

  // fidelity event-grid: key and SAS
  it("takes a token until it expires, in both ways of writing the time", () => {
    expect(check({ "aeg-sas-token": token("3/4/2026 5:06:08 AM") })).toBe("in");
    expect(check({ "aeg-sas-token": token("2026-03-04T05:06:08Z") })).toBe("in");
    expect(check({ authorization: `SharedAccessSignature ${token("3/4/2026 5:06:08 PM")}` })).toBe("in");
    expect(check({ "aeg-sas-token": token("3/4/2026 5:06:07 AM") })).toBe(401);
    expect(check({ "aeg-sas-token": token("never") })).toBe(401);
  });

  // fidelity event-grid: key and SAS
  it("refuses a token for another resource, by another key, or changed", () => {
    const expiry = "3/4/2026 6:00:00 AM";
    expect(check({ "aeg-sas-token": token(expiry, "http://localhost/ord/api/events") })).toBe(401);
    expect(check({ "aeg-sas-token": token(expiry, "nowhere") })).toBe(401);
    expect(check({ "aeg-sas-token": token(expiry, undefined, "b3RoZXI=") })).toBe(401);
    expect(check({ "aeg-sas-token": token(expiry).replace("6%3A00", "7%3A00") })).toBe(401);
    expect(check({ "aeg-sas-token": "" })).toBe(401);
  });

  // fidelity event-grid partial: bearer tokens — every one is let in
  it("takes any bearer token that is one", () => {
    expect(check({ authorization: "Bearer x.y.z" })).toBe("in");
    expect(check({ authorization: "Bearer " })).toBe(401);
    expect(check({ authorization: "Basic eDp5" })).toBe(401);
  });

  it("never says the key", () => {
    expect(() => authorize({ "aeg-sas-key": "hunter2" }, gate)).toThrow(/^(?!.*(hunter2|YSBrZXk)).*LOCALHOST/s);
  });
});
