import { maskValue } from "./secrets.ts";

/** Where a value of the configuration came from, the strongest first. */
export interface Origin {
  readonly from: "flag" | "environment" | "file" | "default";
  /** The environment variables that it was made of: the overriding one, or those that the file refers to. */
  readonly variables: readonly string[];
}

/** One value as `waybill config` prints it. */
export interface DescribedValue {
  /** Dotted path, short forms written out: `brokers.main.connectionString`. */
  readonly path: string;
  /** As given; a secret is masked. */
  readonly value: unknown;
  readonly secret: boolean;
  readonly origin: Origin;
}

export function describe(path: string, value: unknown, origin: Origin): DescribedValue {
  const masked = maskValue(path, value);
  return { path, value: masked.value, secret: masked.secret, origin };
}
