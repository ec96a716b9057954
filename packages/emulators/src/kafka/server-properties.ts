/** The two listeners of a single node: clients come to one, the node's own quorum talks on the other. */
export interface Ports {
  readonly broker: number;
  readonly controller: number;
}

/** One more door for clients, beside the plain one. Its SASL and TLS settings are properties: `listener.name.<name in small letters>.…`. */
export interface ExtraListener {
  readonly protocol: "PLAINTEXT" | "SSL" | "SASL_PLAINTEXT" | "SASL_SSL";
  /** Default: a free one. */
  readonly port?: number | undefined;
  /** `host:port` that clients are sent to, such as that of a proxy before it. Default: its own. */
  readonly advertised?: string | undefined;
}

interface OpenListener extends ExtraListener {
  readonly name: string;
  readonly port: number;
}

/** Decided by the starter: a property of the caller's would make it look for the broker where it is not. */
const OWN = [
  "process.roles",
  "node.id",
  "controller.quorum.voters",
  "listeners",
  "advertised.listeners",
  "listener.security.protocol.map",
  "log.dirs",
];

/** `server.properties` of one KRaft node on loopback, small and quick to start; `extra` replaces or adds properties. */
export function serverProperties(
  ports: Ports,
  advertisedPort: number,
  dataDir: string,
  extra: Readonly<Record<string, string>> = {},
  doors: readonly OpenListener[] = [],
): string {
  const taken = Object.keys(extra).find((name) => OWN.includes(name));
  if (taken !== undefined) throw new RangeError(`The Kafka property ${taken} is the starter's own. Leave it out.`);
  const listeners = doors.map(({ name, port }) => `,${name}://127.0.0.1:${port}`).join("");
  const advertised = doors.map((door) => `,${door.name}://${door.advertised ?? `127.0.0.1:${door.port}`}`).join("");
  const protocols = doors.map(({ name, protocol }) => `,${name}:${protocol}`).join("");
  const properties: Record<string, string | number> = {
    "process.roles": "broker,controller",
    "node.id": 1,
    // Static: no port is stored in the data folder, so that it can be opened again on other ports.
    "controller.quorum.voters": `1@127.0.0.1:${ports.controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${ports.broker},CONTROLLER://127.0.0.1:${ports.controller}${listeners}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${advertisedPort}${advertised}`,
    "inter.broker.listener.name": "PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": `CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT${protocols}`,
    "log.dirs": dataDir,
    "num.partitions": 4,
    // A single node holds every replica. Fifty partitions of each internal topic are made for clusters and slow the first join.
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    // By default the first join of a group waits 3 s for more members, and a dead member is noticed after 6 s at the earliest.
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1_000,
    // The cleaner's buffer (128 MiB by default) and the indexes' size would not fit the small heap.
    "log.cleaner.dedupe.buffer.size": 4_194_304,
    "log.index.size.max.bytes": 1_048_576,
    "num.network.threads": 2,
    "num.io.threads": 4,
    // A node that was killed is let back in when its old session has run out: 9 s by default. (One that was stopped says goodbye.)
    "broker.session.timeout.ms": 3_000,
    "broker.heartbeat.interval.ms": 500,
    ...extra,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${escaped(String(value))}\n`)
    .join("");
}

/** Java reads a backslash in a property as an escape, and ends the property at the end of its line: keys and certificates have several. */
const escaped = (value: string) => value.replaceAll("\\", "\\\\").replaceAll("\r", "").replaceAll("\n", "\\n");

/** Kafka 4 logs through log4j 2. Warnings go to stdout, and the one line that says that the server is up. */
export const LOG4J2 = `rootLogger.level=WARN
rootLogger.appenderRef.out.ref=OUT
appender.out.type=Console
appender.out.name=OUT
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=INFO
`;

/** Kafka 3.9 logs through log4j 1's successor: the same in its syntax. */
export const LOG4J1 = `log4j.rootLogger=WARN, OUT
log4j.appender.OUT=org.apache.log4j.ConsoleAppender
log4j.appender.OUT.layout=org.apache.log4j.PatternLayout
log4j.appender.OUT.layout.ConversionPattern=[%d] %p %m (%c)%n
log4j.logger.kafka.server.KafkaRaftServer=INFO
`;
