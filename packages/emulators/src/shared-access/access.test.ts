import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Peer } from "../amqp/peer.ts";
import { Access } from "./access.ts";
import type { AccessPolicy, AccessRight } from "./access-policy.ts";

const SOON = Math.floor(Date.now() / 1_000) + 60;
const SENDER: AccessPolicy = { keyName: "sender", primaryKey: "a2V5", rights: ["Send"] };

function sign(resource: string, { key = SENDER.primaryKey, expiry = SOON } = {}): string {
  const sr = encodeURIComponent(resource);
  const signature = createHmac("sha256", key).update(`${sr}\n${expiry}`).digest("base64");
  return `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${SENDER.keyName}`;
}

const strict = (...policies: readonly AccessPolicy[]) => new Access(() => policies, true);
const AT_Q = { path: "sb://localhost/q", entity: "q" };

// fidelity service-bus partial: tokens — a key whose name is not known here is let in, unless `accessPolicies` are given; links outlive their token
// fidelity event-hubs partial: tokens — a key whose name is not known here is let in, unless `accessPolicies` are given; links outlive their token
describe("a token", () => {
  const judge = (token: string, isBearer = false) => strict(SENDER).judge(token, AT_Q, isBearer);
  const refusal = (code: string) => ({ refusal: expect.stringMatching(`^${code}: `) });

  it.each(["sb://localhost/q", "http://elsewhere:1/Q/?api-version=2021-05", "localhost", "sb://localhost/"])(
    "for %s opens the queue q",
    (resource) => {
      expect(judge(sign(resource))).toEqual({ rights: ["Send"] });
    },
  );

  it.each(["sb://localhost/q2", "sb://localhost/q/Subscriptions/s", "sb://localhost/other"])(
    "for %s does not",
    (resource) => {
      expect(judge(sign(resource))).toEqual(refusal("InvalidAudience"));
    },
  );

  it("is signed with a key of its policy, and has not expired", () => {
    expect(judge(sign("sb://localhost/q", { key: "YQ==" }))).toEqual(refusal("InvalidSignature"));
    expect(judge(sign("sb://localhost/q", { expiry: SOON - 120 }))).toEqual(refusal("ExpiredToken"));
    expect(judge(sign("sb://localhost/q").replace(`se=${SOON}`, `se=${SOON + 1}`))).toEqual(
      refusal("InvalidSignature"),
    );
    expect(judge("SharedAccessSignature sr=%")).toEqual(refusal("InvalidSignature"));
  });

  it("without a signature is a bearer's, or malformed", () => {
    expect(judge("a.b.c", true)).toEqual({ rights: ["Manage", "Send", "Listen"] });
    expect(judge("a.b.c")).toEqual(refusal("MalformedToken"));
  });

  it("opens nothing with an empty key", () => {
    const access = strict({ ...SENDER, primaryKey: "", secondaryKey: "" });
    expect(access.judge(sign("sb://localhost/q", { key: "" }), AT_Q, false)).toEqual(refusal("InvalidSignature"));
  });
});

// fidelity service-bus: authorization rules: what the key of a queue or a topic opens
// fidelity event-hubs: `accessPolicies`: what the keys of the namespace and of a hub open
describe("what a connection may do", () => {
  const connection = {} as Peer;
  const may = (access: Access, path: string, entity: string, ...rights: AccessRight[]) => {
    try {
      access.demand(connection, { path, entity }, ...rights);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ condition: "amqp:unauthorized-access" });
      return false;
    }
  };
  const put = (access: Access, audience: string, entity: string) =>
    access.put(
      connection,
      { audience, type: "servicebus.windows.net:sastoken", token: sign(audience) },
      entity,
      () => undefined,
    );

  it("is what its tokens say, below what they are for", () => {
    const access = strict(SENDER);
    expect(may(access, "q", "q", "Send")).toBe(false);
    expect(put(access, "sb://localhost/q", "q")).toBeUndefined();
    expect(may(access, "q", "q", "Send")).toBe(true);
    expect(may(access, "amqps://localhost/Q/$management", "Q", "Send")).toBe(true);
    expect(may(access, "q", "q", "Listen")).toBe(false);
    expect(may(access, "q", "q", "Listen", "Send")).toBe(true);
    expect(may(access, "q2", "q2", "Send")).toBe(false);
    // A queue of its own, whose name only begins the same way.
    expect(may(access, "q/b", "q/b", "Send")).toBe(false);
    put(access, "sb://localhost/", "");
    expect(may(access, "q/b", "q/b", "Send")).toBe(true);
  });

  it("is everything for who may manage", () => {
    const access = strict({ ...SENDER, rights: ["Manage"] });
    put(access, "sb://localhost/q", "q");
    for (const right of ["Send", "Listen", "Manage"] as const) expect(may(access, "q", "q", right)).toBe(true);
  });

  it("is everything, without policies", () => {
    const access = new Access();
    expect(may(access, "q", "q", "Send")).toBe(true);
    put(access, "sb://localhost/q", "q");
    expect(may(access, "q", "q", "Listen")).toBe(true);
  });

  it("is not told by a token that somebody else refuses", () => {
    const access = strict(SENDER);
    const token = { audience: "sb://localhost/q", type: "x", token: sign("sb://localhost/q") };
    const refused = { status: 404, description: "It is not there." };
    expect(access.put(connection, token, "q", () => refused)).toBe(refused);
    expect(may(access, "q", "q", "Send")).toBe(false);
  });
});
