import { isIP } from "node:net";
import type { BaseOptions, SASLOptions } from "@platformatic/kafka";
import type { Sasl, Settings } from "../../options.ts";
import { refusedToken, tokenOf } from "../oauth.ts";

/** After this long a client asks again which partitions there are and who leads them. */
export const METADATA_MAX_AGE_MS = 60_000;

/** Core retries; a few quick ones are for what passes within the client. */
const RETRIES = { retries: 3, retryDelay: 200 };

export function clientOptions(settings: Settings): BaseOptions {
  const options: BaseOptions = {
    clientId: settings.clientId,
    bootstrapBrokers: [...settings.brokers],
    connectTimeout: settings.connectTimeoutMs,
    timeout: settings.requestTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    autocreateTopics: false,
    ...RETRIES,
  };
  if (settings.ssl !== undefined) {
    options.tls = settings.ssl === true ? {} : settings.ssl;
    // By itself the library names no host in its handshake, and what serves several names at one address does not know whose certificate to show.
    if (options.tls.servername === undefined && settings.brokers.every(isNamed)) options.tlsServerName = true;
  }
  if (settings.sasl !== undefined) options.sasl = saslOf(settings.sasl);
  return options;
}

/** An address of numbers is no name, and may not stand in a handshake. */
const isNamed = (broker: string) => isIP(broker.replace(/:\d+$/, "").replace(/^\[|\]$/g, "")) === 0;

const MECHANISMS = { plain: "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512" } as const;

function saslOf(sasl: Sasl): SASLOptions {
  if (sasl.mechanism === "oauthbearer") {
    return {
      mechanism: "OAUTHBEARER",
      token: () => tokenOf(sasl),
      authBytesValidator: (answer, callback) => callback(refusedToken(answer) ?? null, answer),
    };
  }
  return { mechanism: MECHANISMS[sasl.mechanism], username: sasl.username, password: sasl.password };
}
