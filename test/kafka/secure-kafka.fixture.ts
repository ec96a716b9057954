import { generate } from "selfsigned";
import { type TestKafka, testKafka } from "./test-kafka.ts";

const OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";
/** How long a sign-in lasts at the door SHORT. kafkajs renews one 10 s before it ends, and a broker takes no second one within a second. */
export const SHORT_SESSION_MS = 12_500;
const DAY_MS = 86_400_000;

/** A key and the certificate for it; PEM. */
interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** What an authority signs: for loopback, unless another name is given. */
interface Wanted {
  readonly name: string;
  readonly altNames?: { type: 2; value: string }[];
  readonly notBeforeDate?: Date;
  readonly notAfterDate?: Date;
}

const LOOPBACK = [
  { type: 2 as const, value: "localhost" },
  { type: 7 as const, ip: "127.0.0.1" },
];

async function authority(name: string): Promise<Identity & { sign(wanted: Wanted): Promise<Identity> }> {
  const common = { keyType: "ec", algorithm: "sha256" } as const;
  const made = await generate([{ name: "commonName", value: name }], {
    ...common,
    extensions: [{ name: "basicConstraints", cA: true, critical: true }],
  });
  const ca = { key: made.private, cert: made.cert };
  return {
    ...ca,
    async sign({ name: of, altNames = LOOPBACK, ...dates }) {
      const signed = await generate([{ name: "commonName", value: of }], {
        ...common,
        ...dates,
        ca,
        extensions: [
          { name: "basicConstraints", cA: false },
          { name: "subjectAltName", altNames },
        ],
      });
      return { key: signed.private, cert: signed.cert };
    },
  };
}

export interface SecureKafka extends TestKafka {
  /** Of the authority that signed the broker's certificates; PEM. */
  readonly ca: string;
  /** Signed by that authority, for a client. */
  readonly client: Identity;
  /** Signed by an authority that the broker does not know. */
  readonly stranger: Identity;
}

/**
 * A broker with a door for each way to sign in over TLS: TLS (a server certificate alone), MTLS (asks for a client's), SIGNED (SASL over TLS, for `users`), SHORT (tokens
 * alone, asked for again), and doors that no client should trust: EXPIRED, ELSEWHERE (a certificate for another host), NAMED (a certificate for
 * localhost, and 127.0.0.1 advertised).
 */
export async function secureKafka(
  suite: string,
  users: Readonly<Record<string, string>>,
  more: { readonly properties?: Readonly<Record<string, string>>; readonly signedPort?: number } = {},
): Promise<SecureKafka | undefined> {
  const ca = await authority("waybill-test-ca");
  const other = await authority("waybill-other-ca");
  const past = Date.now() - DAY_MS;
  const [server, expired, elsewhere, named, client, stranger] = await Promise.all([
    ca.sign({ name: "broker" }),
    ca.sign({ name: "broker", notBeforeDate: new Date(past - DAY_MS), notAfterDate: new Date(past) }),
    ca.sign({ name: "broker", altNames: [{ type: 2, value: "kafka.example" }] }),
    ca.sign({ name: "broker", altNames: [{ type: 2, value: "localhost" }] }),
    ca.sign({ name: "shop" }),
    other.sign({ name: "stranger" }),
  ]);
  const door = (name: string, { key, cert }: Identity) => ({
    [`listener.name.${name}.ssl.keystore.type`]: "PEM",
    [`listener.name.${name}.ssl.keystore.key`]: key,
    [`listener.name.${name}.ssl.keystore.certificate.chain`]: cert,
  });
  const passwords = Object.entries(users).map(([user, password]) => `user_${user}="${password}"`);
  const oauth = `${OAUTH} required unsecuredLoginStringClaim_sub="alice";`;
  const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
  const broker = await testKafka(suite, {
    scramUsers: Object.fromEntries(Object.entries(users).filter(([user]) => /^\w+$/.test(user))),
    listeners: {
      TLS: { protocol: "SSL" },
      MTLS: { protocol: "SSL" },
      SIGNED: { protocol: "SASL_SSL", port: more.signedPort },
      SHORT: { protocol: "SASL_SSL" },
      EXPIRED: { protocol: "SSL" },
      ELSEWHERE: { protocol: "SSL" },
      NAMED: { protocol: "SSL" },
    },
    properties: {
      "auto.create.topics.enable": "false",
      ...door("tls", server),
      ...door("mtls", server),
      "listener.name.mtls.ssl.client.auth": "required",
      "listener.name.mtls.ssl.truststore.type": "PEM",
      "listener.name.mtls.ssl.truststore.certificates": ca.cert,
      ...door("expired", expired),
      ...door("elsewhere", elsewhere),
      ...door("named", named),
      ...door("signed", server),
      "listener.name.signed.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
      "listener.name.signed.plain.sasl.jaas.config": `org.apache.kafka.common.security.plain.PlainLoginModule required ${passwords.join(" ")};`,
      "listener.name.signed.scram-sha-256.sasl.jaas.config": scram,
      "listener.name.signed.scram-sha-512.sasl.jaas.config": scram,
      "listener.name.signed.oauthbearer.sasl.jaas.config": oauth,
      ...door("short", server),
      "listener.name.short.sasl.enabled.mechanisms": "OAUTHBEARER",
      "listener.name.short.oauthbearer.sasl.jaas.config": oauth,
      "listener.name.short.oauthbearer.connections.max.reauth.ms": String(SHORT_SESSION_MS),
      ...more.properties,
    },
  });
  return broker === undefined ? undefined : { ...broker, ca: ca.cert, client, stranger };
}
