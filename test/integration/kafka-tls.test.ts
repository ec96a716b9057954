import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { inspect } from "node:util";
import { createBus, defineEvent, defineTopic } from "@waybill/core";
import type { Adapter, Delivery, Receiver } from "@waybill/core/spi";
import { type KafkaOptions, kafka, type Sasl } from "@waybill/kafka";
import { afterAll, afterEach, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { type SecureKafka, SHORT_SESSION_MS, secureKafka } from "../kafka/secure-kafka.fixture.ts";

const PASSWORD = "alice-secret";
const broker: SecureKafka | undefined = await secureKafka("kafka over TLS", { alice: PASSWORD });
const signal = new AbortController().signal;
const SECRETS = /alice-secret|wrong-secret|nonsense-secret|PRIVATE KEY/;

const token = () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const nowS = Math.floor(Date.now() / 1_000);
  return `${part({ alg: "none" })}.${part({ sub: "alice", iat: nowS, exp: nowS + 600 })}.`;
};
const signIn = (mechanism: "plain" | "scram-sha-256" | "scram-sha-512", password = PASSWORD): Sasl => ({
  mechanism,
  username: "alice",
  password,
});

const take = async (receiver: Receiver): Promise<readonly Delivery[]> => {
  for (let round = 0; round < 20; round++) {
    const came = await receiver.receive({ max: 10, maxBytes: 1 << 20, pausedLanes: new Set() }, signal);
    if (came.length > 0) return came;
  }
  return [];
};

describe.skipIf(broker?.listeners === undefined).each(["kafkajs", "platformatic"] as const)("over %s", (engine) => {
  const { ca, client, stranger } = broker ?? ({} as SecureKafka);
  const open: Adapter[] = [];
  let names = 0;
  const freshTopic = () => `t${engine[0]}${++names}`;
  const at = (door: string) => [broker!.listeners![door]!];
  const adapter = (options: KafkaOptions): Adapter => {
    const made = kafka({ engine, sessionTimeoutMs: 2_000, ...options });
    open.push(made);
    return made;
  };
  const source = (topic: string) => ({ topic, subscription: "s", startFrom: "earliest" }) as const;
  const message = (id: string) => ({ id, key: "k", body: Buffer.from(id), headers: { ce_id: id } });
  const carriesOne = async (one: Adapter) => {
    expect(await one.health(AbortSignal.timeout(10_000))).toEqual({ ok: true });
    const topic = freshTopic();
    const receiver = await one.openReceiver(source(topic));
    expect(await (await one.openSender(topic)).send([message("e")], signal)).toMatchObject([{ ok: true }]);
    const came = await take(receiver);
    expect(came.map(({ message: { id } }) => id)).toEqual(["e"]);
    expect(await receiver.settle([{ delivery: came[0]!, kind: "ack" }], signal)).toMatchObject([{ ok: true }]);
  };

  afterEach(async () => void (await Promise.all(open.splice(0).map((one) => one.close()))));

  it("carries events over TLS, and over TLS with a certificate of the client's", async () => {
    await carriesOne(adapter({ brokers: at("TLS"), ssl: { ca } }));
    await carriesOne(adapter({ brokers: at("MTLS"), ssl: { ca, ...client } }));
  });

  it.each([
    ["plain", signIn("plain")],
    ["scram-sha-256", signIn("scram-sha-256")],
    ["scram-sha-512", signIn("scram-sha-512")],
    ["oauthbearer", { mechanism: "oauthbearer", token } as const],
  ])("signs in by %s over TLS", async (_, sasl) => {
    await carriesOne(adapter({ brokers: at("SIGNED"), ssl: { ca }, sasl }));
  });

  it.each<[string, () => KafkaOptions, { kind: string; says: RegExp; advises: RegExp }]>([
    [
      "an authority that it does not know",
      () => ({ brokers: at("TLS"), ssl: true }),
      { kind: "unauthorized", says: /UNABLE_TO_VERIFY_LEAF_SIGNATURE/, advises: /ssl\.ca or NODE_EXTRA_CA_CERTS/ },
    ],
    [
      "a certificate that has expired",
      () => ({ brokers: at("EXPIRED"), ssl: { ca } }),
      { kind: "unauthorized", says: /CERT_HAS_EXPIRED: .*certificate has expired/, advises: /past its time/ },
    ],
    [
      "a certificate for another host",
      () => ({ brokers: at("ELSEWHERE"), ssl: { ca } }),
      { kind: "unauthorized", says: /ERR_TLS_CERT_ALTNAME_INVALID/, advises: /an address that it names/ },
    ],
    [
      "a certificate that does not name the address that the broker advertises",
      () => ({ brokers: at("NAMED")[0]!.replace("127.0.0.1", "localhost"), ssl: { ca } }),
      { kind: "unauthorized", says: /ERR_TLS_CERT_ALTNAME_INVALID/, advises: /an address that it names/ },
    ],
    [
      "no certificate of the client's where one is asked for",
      () => ({ brokers: at("MTLS"), ssl: { ca } }),
      { kind: "unauthorized", says: /ALERT_BAD_CERTIFICATE/, advises: /a certificate of this client/ },
    ],
    [
      "a client's certificate of another authority",
      () => ({ brokers: at("MTLS"), ssl: { ca, ...stranger } }),
      { kind: "unauthorized", says: /ALERT_CERTIFICATE_UNKNOWN/, advises: /does not trust the one that it got/ },
    ],
    [
      "a wrong password, plain",
      () => ({ brokers: at("SIGNED"), ssl: { ca }, sasl: signIn("plain", "wrong-secret") }),
      { kind: "unauthorized", says: /[Aa]uthentication failed: Invalid username or password/, advises: /check sasl/ },
    ],
    [
      "a wrong password, scram-sha-256",
      () => ({ brokers: at("SIGNED"), ssl: { ca }, sasl: signIn("scram-sha-256", "wrong-secret") }),
      { kind: "unauthorized", says: /invalid credentials/, advises: /check sasl/ },
    ],
    [
      "a wrong password, scram-sha-512",
      () => ({ brokers: at("SIGNED"), ssl: { ca }, sasl: signIn("scram-sha-512", "wrong-secret") }),
      { kind: "unauthorized", says: /invalid credentials/, advises: /check sasl/ },
    ],
    [
      "a token that the broker does not take",
      () => ({
        brokers: at("SIGNED"),
        ssl: { ca },
        sasl: { mechanism: "oauthbearer", token: () => "nonsense-secret" },
      }),
      {
        kind: "unauthorized",
        says: /refuses the token, and answers \{"status":"invalid_token"/,
        advises: /check sasl/,
      },
    ],
    [
      "no sign-in where one is asked for",
      () => ({ brokers: at("SIGNED"), ssl: { ca } }),
      { kind: "transient", says: /[Cc]losed/, advises: /than ssl and sasl say/ },
    ],
    [
      "no TLS where the broker speaks it",
      () => ({ brokers: at("TLS") }),
      // The broker says something in TLS, or only hangs up: the second engine knows the one from the other.
      {
        kind: engine === "kafkajs" ? "transient" : "transient or invalid",
        says: /[Cc]losed|requires TLS/,
        advises: /ssl/,
      },
    ],
  ])("says within seconds: %s", async (_, options, { kind, says, advises }) => {
    const one = adapter(options());
    const topic = freshTopic();
    const sending = async () => {
      const [outcome] = await (await one.openSender(topic)).send([message("e")], signal);
      if (outcome?.ok === false) throw outcome.error;
    };
    for (const opening of [sending, () => one.openReceiver(source(topic))]) {
      const startedMs = performance.now();
      const error = await opening().then(
        () => expect.unreachable("It was to fail."),
        (thrown: unknown) => thrown as Error & { code: string; sentence: string; hint: string },
      );
      expect(performance.now() - startedMs).toBeLessThan(8_000);
      expect(error.code).toBe("WB_KAFKA_CALL");
      expect(error.sentence).toMatch(says);
      expect(error.hint).toMatch(advises);
      expect(kind.split(" or ")).toContain(one.classify(error));
      expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(SECRETS);
    }
  });

  it("tells a token that the application does not give from one that the broker does not take", async () => {
    const asking = (give: () => string | Promise<string>) =>
      adapter({ brokers: at("SIGNED"), ssl: { ca }, sasl: { mechanism: "oauthbearer", token: give } });
    const down = asking(() => Promise.reject(new Error("The token service answered 500, token=nonsense-secret.")));
    const error = await down.openSender("orders").catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: "WB_KAFKA_TOKEN", sentence: expect.stringContaining("answered 500") });
    expect(String(error)).not.toMatch(SECRETS);
    expect(down.classify(error)).toBe("unauthorized");
    const unreachable = asking(() =>
      Promise.reject(Object.assign(new Error("fetch failed"), { code: "ECONNREFUSED" })),
    );
    expect(unreachable.classify(await unreachable.openSender("orders").catch((thrown) => thrown))).toBe("transient");
    const empty = asking(() => "");
    await expect(empty.openSender("orders")).rejects.toMatchObject({ code: "WB_KAFKA_TOKEN" });
  });

  it("ends a bus's publish and subscribe at a wrong password, and does not try on in silence", async () => {
    const placed = defineEvent("com.example.placed", z.object({ n: z.number() }));
    const topic = defineTopic(freshTopic(), [placed]);
    const brokers = at("SIGNED");
    const sasl = signIn("scram-sha-512", "wrong-secret");
    const bus = createBus({ source: "/tls", adapter: adapter({ brokers, ssl: { ca }, sasl }) });
    const startedMs = performance.now();
    const failures = await Promise.all([
      bus.publish(topic, placed({ n: 1 })).catch((error: unknown) => error),
      bus.subscribe(topic, { name: "s" }, async () => undefined).catch((error: unknown) => error),
    ]);
    expect(performance.now() - startedMs).toBeLessThan(8_000);
    for (const failure of failures) {
      expect(inspect(failure, { depth: 20 })).toMatch(/WB_KAFKA_CALL/);
      expect(inspect(failure, { depth: 20, showHidden: true })).not.toMatch(SECRETS);
    }
    await bus.close();
  });

  it("names the host in its handshake", async () => {
    const asked: unknown[] = [];
    const server = createServer({ key: client.key, cert: client.cert }, (socket) => {
      asked.push((socket as TLSSocket & { servername?: unknown }).servername);
      socket.on("error", () => undefined).destroy();
    });
    server.on("tlsClientError", () => undefined);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const ssl = { ca, rejectUnauthorized: false };
    await adapter({ brokers: `localhost:${port}`, ssl, requestTimeoutMs: 2_000 })
      .openSender("t")
      .catch(() => undefined);
    expect(asked[0]).toBe("localhost");
    asked.length = 0;
    await adapter({ brokers: `127.0.0.1:${port}`, ssl, requestTimeoutMs: 2_000 })
      .openSender("t")
      .catch(() => undefined);
    expect(asked[0]).toBe(false);
  });
});

it.skipIf(broker?.listeners === undefined)(
  "signs in again before a sign-in ends, over both engines, with a new token, and nothing is lost or comes twice",
  async () => {
    const line = async (engine: "kafkajs" | "platformatic") => {
      let asked = 0;
      const next = () => {
        asked++;
        return token();
      };
      const one = kafka({
        engine,
        brokers: broker!.listeners!.SHORT!,
        ssl: { ca: broker!.ca },
        sasl: { mechanism: "oauthbearer", token: next },
      });
      onTestFinished(() => one.close());
      const source = { topic: `again-${engine}`, subscription: "s", startFrom: "earliest" } as const;
      const receiver = await one.openReceiver(source);
      const sender = await one.openSender(source.topic);
      const untilMs = performance.now() + SHORT_SESSION_MS + 2_000;
      const [sent, seen]: string[][] = [[], []];
      const connected = asked;
      while (performance.now() < untilMs) {
        sent!.push(`e-${sent!.length}`);
        const message = { id: sent!.at(-1)!, key: "k", body: null, headers: { ce_id: sent!.at(-1)! } };
        expect(await sender.send([message], signal)).toMatchObject([{ ok: true }]);
        const came = await take(receiver);
        seen!.push(...came.map((delivery) => delivery.message.id));
        expect(came.some((delivery) => delivery.lost.aborted)).toBe(false);
        await receiver.settle(
          came.map((delivery) => ({ delivery, kind: "ack" as const })),
          signal,
        );
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      expect(seen).toEqual(sent);
      expect(asked).toBeGreaterThan(connected + 1);
      expect(await one.backlog!(source)).toEqual({ events: 0 });
    };
    await Promise.all([line("kafkajs"), line("platformatic")]);
  },
);

afterAll(() => broker?.stop());
