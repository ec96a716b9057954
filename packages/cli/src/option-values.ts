import { durationMs } from "@waybill/config";
import { InvalidArgumentError, Option } from "commander";

/** `--max 10` */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError("It must be a whole number from 1 on.");
  return Number(text);
}

/** `--rate 2.5` */
export function positiveNumber(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text) || Number(text) <= 0) throw new InvalidArgumentError("It must be a number above 0.");
  return Number(text);
}

/** `--port 9464`; 0 is a free one. */
export function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError("It must be a port, 0 to 65535.");
  return Number(text);
}

/** `--for 30s`, as milliseconds. */
export function duration(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined) throw new InvalidArgumentError("It must be a duration such as 30s, 5m or 100ms.");
  return ms;
}

/** Of commands that stay until they are told to stop. */
export const drainTimeout = (): Option =>
  new Option("--drain-timeout <duration>", "how long finishing may take").argParser(duration).default(10_000, "10s");

/** `--set relay.batch=100`, collected. */
export function keyValue(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be path=value, such as relay.batch=100.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
