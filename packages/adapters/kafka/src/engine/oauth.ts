import { redacted } from "@waybill/core/spi";
import { kafkaErrors } from "../errors.ts";
import type { Sasl } from "../options.ts";

/** The application's token, or an error that says that it is the application's. */
export async function tokenOf({ token }: Extract<Sasl, { mechanism: "oauthbearer" }>): Promise<string> {
  let found: string;
  try {
    found = await token();
  } catch (error) {
    throw kafkaErrors.WB_KAFKA_TOKEN({ problem: redacted(error).replace(/\.$/, "") }, error);
  }
  if (typeof found === "string" && found !== "") return found;
  throw kafkaErrors.WB_KAFKA_TOKEN({ problem: "what it answered is no text, or empty" });
}

/**
 * A broker that takes a token answers nothing; one that does not says why, as RFC 7628 has it, in what is no error of Kafka's protocol. Both libraries go on
 * as if they had signed in, and then it hangs up.
 */
export function refusedToken(answer: Uint8Array | undefined): Error | undefined {
  if (answer === undefined || answer.length === 0) return undefined;
  const said = Buffer.from(answer).toString();
  return Object.assign(new Error(`the broker refuses the token, and answers ${said}`), {
    code: "SASL_AUTHENTICATION_FAILED",
  });
}
