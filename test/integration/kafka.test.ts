import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Producer } from "@platformatic/kafka";
import type { Adapter, Delivery, Receiver } from "@waybill/core/spi";
import { type KafkaOptions, kafka, murmur2 } from "@waybill/kafka";
import kafkajs, { type Admin as KafkaAdmin } from "kafkajs";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { kafkaClients } from "../kafka/kafka-clients.fixture.ts";
import { type TestKafka, testKafka } from "../kafka/test-kafka.ts";

const PROGRAM = fileURLToPath(new URL("./kafka-codec.program.ts", import.meta.url));
const { Kafka, logLevel, Partitioners } = kafkajs;
const OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";
const broker: TestKafka | undefined = await testKafka("kafka adapter", {
  scramUsers: { alice: "alice-secret" },
  listeners: { SIGNED: { protocol: "SASL_PLAINTEXT" } },
  properties: {
    "auto.create.topics.enable": "false",
    "listener.name.signed.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    "listener.name.signed.plain.sasl.jaas.config":
      'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret";',
    "listener.name.signed.scram-sha-256.sasl.jaas.config":
      "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    "listener.name.signed.scram-sha-512.sasl.jaas.config":
      "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    "listener.name.signed.oauthbearer.sasl.jaas.config": `${OAUTH} required unsecuredLoginStringClaim_sub="alice";`,
  },
});
const brokers = broker?.brokers ?? [];
const signal = new AbortController().signal;

describe.skipIf(broker === undefined).each(["kafkajs", "platformatic"] as const)("over %s", (engine) => {
  const open: Adapter[] = [];
  let names = 0;
  const freshTopic = () => `t${engine[0]}${++names}`;
  const clients = kafkaClients(brokers);
  const adapter = (options: KafkaOptions = {}): Adapter => {
    const made = kafka({ brokers, engine, partitions: 2, sessionTimeoutMs: 2_000, ...options });
    open.push(made);
    return made;
  };
  const receive = (receiver: Receiver, pausedLanes: ReadonlySet<string> = new Set()) =>
    receiver.receive({ max: 100, maxBytes: 16 << 20, pausedLanes }, signal);
  const take = async (receiver: Receiver, count: number): Promise<Delivery[]> => {
    const came: Delivery[] = [];
    for (let round = 0; came.length < count && round < 40; round++) came.push(...(await receive(receiver)));
    return came;
  };
  const message = (id: string, key: string | undefined, body: Uint8Array | null = Buffer.from(id)) => ({
    id,
    key,
    body,
    headers: { ce_id: id },
  });
  const idsOf = (deliveries: readonly Delivery[]) => deliveries.map((delivery) => delivery.message.id);
  const foreign = async (topic: string, compression: string) => {
    const producer = new Producer({ clientId: "other", bootstrapBrokers: brokers, compression: compression as "gzip" });
    const headers = new Map([[Buffer.from("ce_id"), Buffer.from(`by-${compression}`)]]);
    const value = Buffer.from("x".repeat(200));
    await producer.send({ acks: -1, messages: [{ topic, partition: 0, value, headers }] });
    await producer.close();
  };
  const source = (topic: string) => ({ topic, subscription: "s", startFrom: "earliest" }) as const;

  /** Of all that comes until this one has, whatever fails in between. */
  const idsUntil = async (receiver: Receiver, last: string): Promise<{ ids: string[]; errors: unknown[] }> => {
    const [ids, errors]: [string[], unknown[]] = [[], []];
    for (let round = 0; !ids.includes(last) && round < 40; round++) {
      try {
        ids.push(...idsOf(await receive(receiver)));
      } catch (error) {
        errors.push(error);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    return { ids, errors };
  };
  const ask = async (question: (of: KafkaAdmin) => Promise<unknown>) => {
    const admin = new Kafka({ clientId: "asker", brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await question(admin).finally(() => admin.disconnect());
  };

  afterEach(async () => void (await Promise.all(open.splice(0).map((one) => one.close()))));
  afterAll(() => clients.close());

  it("puts a key where Kafka's own clients put it", async () => {
    const topic = freshTopic();
    const theirs = Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({ partitionId, leader: 1 })) as never;
    for (const key of ["a", "ab", "abc", "abcd", "the quick brown fox", "ünïcödé"]) {
      const expected = theirs({ topic, partitionMetadata, message: { key, value: "" } });
      expect((murmur2(Buffer.from(key)) & 0x7fffffff) % 7, key).toBe(expected);
    }
  });

  it("keeps a partition while a handler runs for longer than sessions last, and nothing is received twice", async () => {
    const topic = freshTopic();
    const one = adapter({ sessionTimeoutMs: 2_000 });
    const receiver = await one.openReceiver(source(topic));
    await (await one.openSender(topic)).send([message("slow", "k")], signal);
    const [held] = await take(receiver, 1);
    // Nobody receives or settles meanwhile: the membership does not depend on it.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(held!.lost.aborted).toBe(false);
    expect(await receiver.settle([{ delivery: held!, kind: "ack" }], signal)).toMatchObject([{ ok: true }]);
    expect(await receive(receiver)).toEqual([]);
    expect(await one.backlog!(source(topic))).toEqual({ events: 0 });
  });

  it("does not let a stuck partition hold up the others", async () => {
    const topic = freshTopic();
    const one = adapter();
    const receiver = await one.openReceiver(source(topic));
    const sender = await one.openSender(topic);
    await sender.send(
      Array.from({ length: 40 }, (_, n) => message(`a-${n}`, `k${n}`)),
      signal,
    );
    const first = await take(receiver, 40);
    const stuck = first[0]!.lane!;
    const other = first.find(({ lane }) => lane !== stuck)!;
    const stuckKey = first[0]!.message.key!;
    // Far more than the receiver takes in advance, in a lane that delivers nothing.
    const body = Buffer.alloc(10_000, 1);
    for (let n = 0; n < 4; n++) {
      await sender.send(
        Array.from({ length: 100 }, (_, m) => message(`s-${n}-${m}`, stuckKey, body)),
        signal,
      );
    }
    await receive(receiver, new Set([stuck]));
    await sender.send([message("free", other.message.key)], signal);
    const came: Delivery[] = [];
    const startedMs = performance.now();
    while (came.length === 0 && performance.now() - startedMs < 10_000) {
      came.push(...(await receive(receiver, new Set([stuck]))));
    }
    expect(idsOf(came)).toEqual(["free"]);
    const rest = await take(receiver, 400);
    expect(idsOf(rest)).toEqual(Array.from({ length: 400 }, (_, n) => `s-${Math.floor(n / 100)}-${n % 100}`));
  });

  it("carries tombstones both ways, and pins no fetch of a megabyte with a small body", async () => {
    const topic = freshTopic();
    const one = adapter();
    const receiver = await one.openReceiver(source(topic));
    await (await one.openSender(topic)).send([message("gone", "k", null), message("here", "k")], signal);
    const came = await take(receiver, 2);
    expect(came.map(({ message: { body } }) => body)).toEqual([null, Buffer.from("here")]);
    expect((came[1]!.message.body as Buffer).buffer.byteLength).toBeLessThan(100_000);
  });

  it("refuses what a compacted topic does not take, an event without a key, and sends the others", async () => {
    const topic = freshTopic();
    await clients.createTopic(topic, 1, { "cleanup.policy": "compact" });
    const one = adapter();
    const sender = await one.openSender(topic);
    const outcomes = await sender.send([message("a", "k"), message("b", undefined), message("c", "k")], signal);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, true]);
    const [, refused] = outcomes;
    if (!refused!.ok) {
      expect(one.classify(refused!.error)).toBe("invalid");
      expect(String(refused!.error)).toContain("a compacted topic takes no event without a key");
    }
    expect(idsOf(await take(await one.openReceiver(source(topic)), 2))).toEqual(["a", "c"]);
  });

  it("carries a key that is no text unchanged into a copy", async () => {
    const topic = freshTopic();
    const one = adapter({ partitions: 1 });
    const receiver = await one.openReceiver(source(topic));
    const key = Buffer.from([0, 0xff, 0x80, 7]);
    const client = new Kafka({ clientId: "binary", brokers, logLevel: logLevel.NOTHING });
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic, messages: [{ key, value: "v" }] });
    await producer.disconnect();
    const [came] = await take(receiver, 1);
    await (await one.openSender(topic)).send([{ ...came!.message, headers: { wbreason: "handler-failed" } }], signal);
    const [copy] = await take(receiver, 1);
    expect(copy!.message.keyBytes).toEqual(key);
    expect(copy!.message.key).toBe(came!.message.key);
  });

  it("moves partitions to a member that joins, tells who had them, and skips nothing", async () => {
    const topic = freshTopic();
    const [one, two] = [adapter(), adapter()];
    const sender = await one.openSender(topic);
    const first = await one.openReceiver(source(topic));
    await sender.send(
      Array.from({ length: 20 }, (_, n) => message(`e-${n}`, `k${n}`)),
      signal,
    );
    const held = await take(first, 20);
    const second = await two.openReceiver(source(topic));
    const again: Delivery[] = [];
    const lost = () => held.filter((delivery) => delivery.lost.aborted);
    for (let round = 0; round < 20 && (again.length === 0 || again.length < lost().length); round++) {
      again.push(...(await receive(second)));
      await receive(first);
    }
    expect(lost().length).toBeGreaterThan(0);
    expect(idsOf(again).toSorted()).toEqual(idsOf(lost()).toSorted());
    const late = await first.settle(
      held.map((delivery) => ({ delivery, kind: "ack" as const })),
      signal,
    );
    for (const [index, outcome] of late.entries()) {
      expect(outcome.ok, held[index]!.message.id).toBe(!held[index]!.lost.aborted);
      if (!outcome.ok) expect(one.classify(outcome.error)).toBe("lost");
    }
  });

  it("goes on past transactions that were given up, without a gap", async () => {
    const topic = freshTopic();
    const one = adapter({ partitions: 1 });
    const receiver = await one.openReceiver(source(topic));
    const client = new Kafka({ clientId: "tx", brokers, logLevel: logLevel.NOTHING });
    const producer = client.producer({
      transactionalId: `tx-${topic}`,
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    for (const [value, commits] of [
      ["a", true],
      ["b", false],
      ["c", false],
      ["d", true],
    ] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ key: "k", value }] });
      await (commits ? transaction.commit() : transaction.abort());
    }
    await producer.disconnect();
    const came = await take(receiver, 2);
    expect(came.map((delivery) => String(delivery.message.body))).toEqual(["a", "d"]);
    await receiver.settle([{ delivery: came[1]!, kind: "ack" }], signal);
    expect(came[0]!.lost.aborted).toBe(false);
  });

  it("reads what other producers compress, and what the broker compresses as Kafka's Java clients do", async () => {
    const one = adapter({ compression: "zstd", partitions: 1 });
    const codecs = ["gzip", "snappy", "lz4", "zstd"];
    const topic = freshTopic();
    const receiver = await one.openReceiver(source(topic));
    await (await one.openSender(topic)).send([message("zstd", "k")], signal);
    for (const compression of codecs) await foreign(topic, compression);
    const sent = ["zstd", ...codecs.map((compression) => `by-${compression}`)];
    const came = await take(receiver, sent.length);
    expect(idsOf(came)).toEqual(sent);
    await receiver.settle([{ delivery: came.at(-1)!, kind: "ack" }], signal);
    // Blocks of snappy hold 32 kB, and those of lz4 64 kB: several of each.
    const batch = Array.from({ length: 300 }, (_, n) => message(`m-${n}`, "k", Buffer.alloc(1_000, `body ${n} `)));
    for (const codec of codecs) {
      const stored = `${topic}-${codec}`;
      await clients.createTopic(stored, 1, { "compression.type": codec });
      const reader = await one.openReceiver(source(stored));
      const plain = await adapter({ partitions: 1 }).openSender(stored);
      expect((await plain.send(batch, signal)).every(({ ok }) => ok)).toBe(true);
      const read = await take(reader, batch.length);
      expect(idsOf(read), codec).toEqual(batch.map(({ id }) => id));
      expect(read.every((delivery, n) => batch[n]!.body!.toString() === String(delivery.message.body))).toBe(true);
    }
  });

  it.runIf(engine === "kafkajs")("names the package that a codec needs, and skips nothing", async () => {
    for (const [codec, name] of [
      ["snappy", "snappy"],
      ["lz4", "lz4-napi"],
    ] as const) {
      const topic = freshTopic();
      await adapter({ partitions: 1 }).openSender(topic);
      await foreign(topic, codec);
      const args = ["--conditions=waybill-source", PROGRAM, brokers[0]!, topic];
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
      expect(JSON.parse(stdout)).toMatchObject({
        said: {
          code: "WB_KAFKA_CODEC",
          sentence: expect.stringContaining(`the package ${name}, which is not installed`),
          hint: expect.stringContaining("Install the package"),
        },
        backlog: { events: 1 },
      });
    }
  });

  it("reads a partition that was added later from its beginning, also where the subscription began at the end", async () => {
    const topic = freshTopic();
    const one = adapter({ partitions: 1 });
    await (await one.openSender(topic)).send([message("before", "k")], signal);
    const latest = { ...source(topic), startFrom: "latest" } as const;
    const first = await one.openReceiver(latest);
    await first.close();
    await ask((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] }));
    const other = adapter();
    const sender = await other.openSender(topic);
    const missed = Array.from({ length: 20 }, (_, n) => message(`e-${n}`, `k${n}`));
    expect((await sender.send(missed, signal)).every(({ ok }) => ok)).toBe(true);
    const second = await other.openReceiver(latest);
    expect(idsOf(await take(second, 20)).toSorted()).toEqual(missed.map(({ id }) => id).toSorted());
  });

  it("sends all of a batch, or says that it has not, when partitions were added a moment ago", async () => {
    const topic = freshTopic();
    const one = adapter({ partitions: 1 });
    await (await one.openSender(topic)).send([message("before", "k")], signal);
    await ask((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
    const sender = await one.openSender(topic);
    const messages = Array.from({ length: 20 }, (_, n) => message(`e-${n}`, `k${n}`));
    const errors: unknown[] = [];
    for (let tries = 0; tries < 5; tries++) {
      const outcomes = await sender.send(messages, signal);
      if (outcomes.every(({ ok }) => ok)) break;
      errors.push(...outcomes.flatMap((outcome) => (outcome.ok ? [] : [one.classify(outcome.error)])));
    }
    expect(errors.filter((kind) => kind !== "transient")).toEqual([]);
    const seen = new Set(idsOf(await take(await one.openReceiver(source(topic)), 21)));
    expect(messages.filter(({ id }) => !seen.has(id))).toEqual([]);
  });

  it("goes on with the first record there is when retention has passed it by, also where it began at the end", async () => {
    const topic = freshTopic();
    const one = adapter({ partitions: 1 });
    const sender = await one.openSender(topic);
    const receiver = await one.openReceiver({ ...source(topic), startFrom: "latest" });
    const large = Buffer.alloc(900_000);
    for (let n = 0; n < 24; n++) await sender.send([message(`e-${n}`, "k", large)], signal);
    // Of a lane that core has paused a megabyte waits here; the rest is not fetched.
    for (let round = 0; round < 3; round++) await receive(receiver, new Set([`${topic}/0`]));
    await ask(async (admin) => {
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "22" }] });
    });
    const { ids, errors } = await idsUntil(receiver, "e-23");
    expect(ids.slice(-2)).toEqual(["e-22", "e-23"]);
    expect(ids).not.toContain("e-21");
    expect(errors.map((error) => one.classify(error))).toEqual(["transient"]);
  });

  it("reads a topic that was made anew from its beginning, also where it began at the end", async () => {
    const topic = freshTopic();
    const one = adapter({ partitions: 1 });
    const receiver = await one.openReceiver({ ...source(topic), startFrom: "latest" });
    const before = Array.from({ length: 10 }, (_, n) => message(`e-${n}`, "k"));
    await (await one.openSender(topic)).send(before, signal);
    const deliveries = await take(receiver, 10);
    await receiver.settle(
      deliveries.map((delivery) => ({ kind: "ack", delivery })),
      signal,
    );
    await ask(async (admin) => {
      await admin.deleteTopics({ topics: [topic] });
      const topics = [{ topic, numPartitions: 1 }];
      await expect.poll(() => admin.createTopics({ topics }).catch(() => false), { timeout: 10_000 }).toBe(true);
    });
    const other = await adapter().openSender(topic);
    const after = ["new-0", "new-1"].map((id) => message(id, "k"));
    await expect.poll(() => other.send(after, signal), { timeout: 10_000 }).toEqual([{ ok: true }, { ok: true }]);
    const { ids } = await idsUntil(receiver, "new-1");
    expect([...new Set(ids)]).toEqual(["new-0", "new-1"]);
  });

  it("begins where kafkajs's own consumers say that a group begins", async () => {
    const topic = freshTopic();
    const one = adapter({ partitions: 1 });
    await (await one.openSender(topic)).send([message("before", "k")], signal);
    // Their name for the oldest record there is, which they commit where they find no better.
    await ask((admin) =>
      admin.setOffsets({ groupId: `${topic}.s`, topic, partitions: [{ partition: 0, offset: "-2" }] }),
    );
    const receiver = await one.openReceiver({ ...source(topic), startFrom: "latest" });
    expect(idsOf(await take(receiver, 1))).toEqual(["before"]);
  });

  it("makes no topic for dead letters that nobody has, and reads them once they are there", async () => {
    const topic = freshTopic();
    const one = adapter();
    const dead = { ...source(topic), topic: `${topic}/s/dead` };
    const absent = (reading: Promise<unknown>) => expect(reading).rejects.toMatchObject({ code: "WB_KAFKA_TOPIC" });
    await absent(one.openReceiver(dead));
    const sender = await one.openSender(topic);
    await absent(one.openReceiver(dead));
    await (await adapter({ createTopics: false }).openReceiver(source(topic))).close();
    const readers = [await one.openReceiver(dead)];
    readers.push(await adapter({ subscriptions: { [topic]: ["s"] } }).openReceiver(dead));
    for (const reader of readers) expect(await receive(reader)).toEqual([]);
    expect((await clients.topics()).filter((name) => name.startsWith(`${topic}.`))).toEqual([]);
    await sender.close();
    await (await one.openSender(dead.topic)).send([message("given-up", "k")], signal);
    const [letter] = await take(readers[0]!, 1);
    expect(letter!.message.id).toBe("given-up");
    expect(await readers[0]!.settle([{ delivery: letter!, kind: "ack" }], signal)).toMatchObject([{ ok: true }]);
    for (const reader of readers) await reader.close();
  });

  it("leaves no member and no connection of what was under way when it closed", async () => {
    const topic = freshTopic();
    for (const name of [topic, `${topic}.s`]) await clients.createTopic(name, 1);
    const connections = () =>
      process.getActiveResourcesInfo().filter((name) => name.startsWith("TCPSocketWrap")).length;
    const before = connections();
    for (const waitMs of [0, 5, 10, 20, 40, 80, 160]) {
      const one = adapter();
      const opening = one.openReceiver(source(topic)).catch(() => undefined);
      const sending = one
        .openSender(topic)
        .then((sender) => Promise.all([1, 2, 3].map((n) => sender.send([message(`${n}`, "k")], signal))))
        .catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      await one.close();
      await Promise.all([opening, sending]);
    }
    const members: unknown[] = [];
    await ask(async (admin) => {
      const { groups } = await admin.describeGroups([`${topic}.s`]);
      members.push(...groups.flatMap((group) => group.members));
    });
    expect(members).toEqual([]);
    await expect.poll(connections, { timeout: 5_000 }).toBeLessThanOrEqual(before);
  });

  it("says within seconds what is wrong, with a code and a hint", async () => {
    const failure = async (opening: Promise<unknown>) => {
      const startedMs = performance.now();
      const error = await opening.then(
        () => new Error("It was to fail."),
        (thrown: unknown) => thrown as Error & { code?: string; hint?: string },
      );
      expect(performance.now() - startedMs).toBeLessThan(15_000);
      expect(error).toMatchObject({ code: expect.stringMatching(/^WB_/), hint: expect.stringMatching(/./) });
      return error;
    };
    const absent = adapter({ createTopics: false });
    for (const opening of [absent.openSender("absent"), absent.openReceiver(source("absent"))]) {
      const error = await failure(opening);
      expect(absent.classify(error)).toBe("not-found");
    }
    const gone = freshTopic();
    const one = adapter();
    const sender = await one.openSender(gone);
    await ask((admin) => admin.deleteTopics({ topics: [gone] }));
    const kind = async () => {
      const [outcome] = await sender.send([message("late", "k")], signal);
      return outcome?.ok === false ? one.classify(outcome.error) : "sent";
    };
    await expect.poll(kind, { timeout: 5_000 }).toBe("not-found");
    const nobody = adapter({ brokers: ["127.0.0.1:1"], connectTimeoutMs: 500 });
    expect(nobody.classify(await failure(nobody.openSender("orders")))).toBe("transient");
    expect((await nobody.health(AbortSignal.timeout(5_000))).ok).toBe(false);
    const impossible = adapter({ replicationFactor: 3 });
    expect(impossible.classify(await failure(impossible.openSender(freshTopic())))).toBe("invalid");
    const large = await (await adapter().openSender(freshTopic())).send(
      [message("l", "k", Buffer.alloc(2 << 20))],
      signal,
    );
    expect(large).toMatchObject([{ ok: false, error: { code: "WB_KAFKA_TOO_LARGE" } }]);
  });

  const token = () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const nowS = Math.floor(Date.now() / 1_000);
    return `${part({ alg: "none" })}.${part({ sub: "alice", iat: nowS, exp: nowS + 600 })}.`;
  };
  it.runIf(broker?.listeners !== undefined).each([
    ["plain", { mechanism: "plain", username: "alice", password: "alice-secret" }],
    ["scram-sha-256", { mechanism: "scram-sha-256", username: "alice", password: "alice-secret" }],
    ["scram-sha-512", { mechanism: "scram-sha-512", username: "alice", password: "alice-secret" }],
    ["oauthbearer", { mechanism: "oauthbearer", token }],
  ] as const)("signs in by %s, and says so when it may not", async (_, sasl) => {
    const doors = [broker!.listeners!.SIGNED!];
    const one = adapter({ brokers: doors, sasl });
    expect(await one.health(AbortSignal.timeout(10_000))).toEqual({ ok: true });
    const topic = freshTopic();
    const receiver = await one.openReceiver(source(topic));
    await (await one.openSender(topic)).send([message("signed", "k")], signal);
    expect(idsOf(await take(receiver, 1))).toEqual(["signed"]);
    const wrong =
      sasl.mechanism === "oauthbearer" ? { ...sasl, token: () => "nonsense" } : { ...sasl, password: "wrong-secret" };
    const two = adapter({ brokers: doors, sasl: wrong });
    const error: Error = await two.openSender(topic).then(
      () => new Error("It was to fail."),
      (thrown: Error) => thrown,
    );
    expect(two.classify(error), String(error)).toBe("unauthorized");
    expect(String(error)).not.toContain("wrong-secret");
  });
});

afterAll(() => broker?.stop());
