import { AmqpError } from "./amqp-error.ts";
import { Decoder } from "./decode.ts";
import {
  asString,
  frame,
  performative,
  readPerformative,
  SASL_INIT,
  SASL_MECHANISMS,
  SASL_OUTCOME,
} from "./performative.ts";
import { TypedArray, ubyte } from "./values.ts";

/** Authentication happens at `$cbs`; at this door everyone who speaks one of these comes in. */
const MECHANISMS = ["MSSBCBS", "ANONYMOUS", "PLAIN", "EXTERNAL"];

export const SASL_HEADER: Buffer = Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0]);
export const AMQP_HEADER: Buffer = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 1, 0, 0]);

export function mechanismsFrame(): Buffer {
  return frame(0, performative(SASL_MECHANISMS, [new TypedArray("symbol", MECHANISMS)]), 0, 1);
}

/** The answer to sasl-init, and whether the peer is let in. Throws on anything that is no sasl-init. */
export function answerInit(bytes: Buffer): { frame: Buffer; ok: boolean } {
  const decoder = new Decoder(bytes, bytes[4]! * 4);
  const init = readPerformative(decoder);
  if (bytes[5] !== 1 || init.code !== SASL_INIT) throw new AmqpError("amqp:decode-error", "sasl-init was expected.");
  const ok = MECHANISMS.includes(asString(init.fields[0]) ?? "");
  return { frame: frame(0, performative(SASL_OUTCOME, [ubyte(ok ? 0 : 1)]), 0, 1), ok };
}
