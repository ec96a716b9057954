import type { Mechanism } from "kafkajs";
import type { Sasl } from "../../options.ts";
import { refusedToken, tokenOf } from "../oauth.ts";

const LENGTH_BYTES = 4;

/** kafkajs' own takes a refusal for a sign-in. */
export function oauthMechanism(sasl: Extract<Sasl, { mechanism: "oauthbearer" }>): Mechanism {
  return {
    mechanism: "oauthbearer",
    authenticationProvider: ({ saslAuthenticate }) => ({
      async authenticate() {
        const message = `n,,\u0001auth=Bearer ${await tokenOf(sasl)}\u0001\u0001`;
        const answer = await saslAuthenticate({
          request: { encode: () => withLength(message) },
          response: { decode: async (bytes) => bytes, parse: (bytes) => bytes.subarray(LENGTH_BYTES) },
        });
        const refusal = refusedToken(answer as Buffer | undefined);
        if (refusal !== undefined) throw refusal;
      },
    }),
  };
}

function withLength(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
