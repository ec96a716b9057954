import { eventGridWebhook } from "@waybill/event-grid";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { cloudEvent } from "./emulator-event-grid.fixture.ts";
import { HEADER, post, recorder, SECRET, serve } from "./webhook-server.fixture.ts";

describe("authentication", () => {
  it("a secret header, and an old and a new one while one replaces the other", async () => {
    const { came, take } = recorder();
    const url = await serve(
      eventGridWebhook({ header: { name: "x-webhook-secret", secrets: [SECRET, "the next secret"] }, take }),
    );
    for (const secret of [SECRET, "the next secret"]) {
      expect((await post(url, cloudEvent("1"), { "x-webhook-secret": secret })).status).toBe(204);
    }
    for (const headers of [
      {},
      { "x-webhook-secret": "" },
      { "x-webhook-secret": `${SECRET}x` },
      { "x-webhook-secret": `${SECRET}, ${SECRET}` },
    ]) {
      const answer = await post(url, cloudEvent("2"), headers);
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain(SECRET);
    }
    expect(came).toHaveLength(2);
  });

  it("a secret in the address is asked for in handshakes too", async () => {
    const { take } = recorder();
    const url = await serve(eventGridWebhook({ query: { name: "code", secrets: [SECRET] }, take }));
    const ask = (address: string) =>
      fetch(address, { method: "OPTIONS", headers: { "webhook-request-origin": "eventgrid.azure.net" } });
    expect((await ask(url)).headers.get("webhook-allowed-origin")).toBeNull();
    const good = `${url}/?code=${encodeURIComponent(SECRET)}`;
    expect((await ask(good)).headers.get("webhook-allowed-origin")).toBe("eventgrid.azure.net");
    expect((await post(good, cloudEvent("1"))).status).toBe(204);
    expect((await post(`${url}/?code=wrong&code=wronger`, cloudEvent("1"))).status).toBe(401);
    expect((await post(`${url}/?code=`, cloudEvent("1"))).status).toBe(401);
  });

  it("a token of Entra ID: signature, issuer, audience, time and application must be right", async () => {
    const { publicKey, privateKey } = await generateKeyPair("RS256");
    const other = await generateKeyPair("RS256");
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "RS256", use: "sig" }] };
    const entra = {
      tenantId: "11111111-2222-3333-4444-555555555555",
      audience: "api://shop",
      jwks,
      role: "AzureEventGridSecureWebhookSubscriber",
    };
    const claims = { appid: "4962773b-9cdb-44cf-a8bf-237846a00ab7", roles: [entra.role] };
    const token = (
      more: object = {},
      {
        issuer = `https://sts.windows.net/${entra.tenantId}/`,
        audience = "api://shop",
        exp = "5m",
        key = privateKey,
      } = {},
    ) =>
      new SignJWT({ ...claims, ...more })
        .setProtectedHeader({ alg: "RS256", kid: "k" })
        .setIssuer(issuer)
        .setAudience(audience)
        .setExpirationTime(exp)
        .sign(key);
    const { came, take } = recorder();
    const url = await serve(eventGridWebhook({ entra, take }));
    const knock = async (bearer: string) =>
      (await post(url, cloudEvent("1"), { authorization: `Bearer ${bearer}` })).status;
    expect(await knock(await token())).toBe(204);
    expect(
      await knock(
        await token(
          { appid: undefined, azp: claims.appid },
          { issuer: `https://login.microsoftonline.com/${entra.tenantId}/v2.0` },
        ),
      ),
    ).toBe(204);
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${(await token()).split(".")[1]}.`;
    const bad = [
      await token({ appid: "somebody-else" }),
      await token({ roles: [] }),
      await token({}, { issuer: "https://evil.example/" }),
      await token({}, { audience: "api://other" }),
      await token({}, { exp: "-5m" }),
      await token({}, { key: other.privateKey }),
      unsigned,
      "garbage",
    ];
    for (const one of bad) expect(await knock(one)).toBe(401);
    expect((await post(url, cloudEvent("1"))).status).toBe(401);
    expect(came).toHaveLength(2);
  });

  it("keys that cannot be had cost no event: 503", async () => {
    const { came, take } = recorder();
    const entra = { tenantId: "t", audience: "api://shop", jwks: "https://127.0.0.1:1/keys" };
    const url = await serve(eventGridWebhook({ entra, take }));
    const { privateKey } = await generateKeyPair("RS256");
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: "RS256", kid: "k" })
      .setExpirationTime("5m")
      .sign(privateKey);
    expect((await post(url, cloudEvent("1"), { authorization: `Bearer ${token}` })).status).toBe(503);
    expect(came).toEqual([]);
  });

  it("a verifier that cannot tell just now costs no event: 503", async () => {
    const { came, take } = recorder();
    let keysAreGone = true;
    const verify = async (token: string) => {
      if (keysAreGone) throw new Error("no keys");
      return token === "good";
    };
    const url = await serve(eventGridWebhook({ verify, take }));
    const knock = async (token: string) =>
      (await post(url, cloudEvent("1"), { authorization: `Bearer ${token}` })).status;
    expect(await knock("good")).toBe(503);
    keysAreGone = false;
    expect([await knock("good"), await knock("bad")]).toEqual([204, 401]);
    expect(came).toHaveLength(1);
  });

  it("is not left out by mistake", () => {
    const { take } = recorder();
    expect(() => eventGridWebhook({ take })).toThrow(/names no authentication/);
    expect(() => eventGridWebhook({ ...HEADER, anonymous: true, take })).toThrow(/stands beside/);
    expect(() => eventGridWebhook({ header: { name: "x", secrets: ["short"] }, take })).toThrow(/at least 8/);
    expect(() => eventGridWebhook({ ...HEADER, secrets: [], take } as never)).toThrow(/does not exist/);
  });
});
