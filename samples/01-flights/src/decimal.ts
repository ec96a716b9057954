/** `units / 10 ** scale`, exactly. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/;

/** A finite number is taken as the decimal that JavaScript prints for it: 0.1 is a tenth, and ten of them are 1. */
export function decimal(value: number | string): Decimal {
  const match = DECIMAL.exec(String(value));
  if (match === null) throw new RangeError(`${value} is no decimal number.`);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const units = BigInt(`${sign}${whole}${fraction}`);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.scale === b.scale) return { units: a.units + b.units, scale: a.scale };
  const [coarse, fine] = a.scale < b.scale ? [a, b] : [b, a];
  return { units: coarse.units * 10n ** BigInt(fine.scale - coarse.scale) + fine.units, scale: fine.scale };
}

/** The one text of a value: `1.5`, never `1.50`. */
export function decimalText({ units, scale }: Decimal): string {
  if (scale === 0) return String(units);
  const sign = units < 0n ? "-" : "";
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  const fraction = digits.slice(-scale).replace(/0+$/, "");
  const whole = digits.slice(0, -scale);
  if (fraction === "") return whole === "0" ? "0" : `${sign}${whole}`;
  return `${sign}${whole}.${fraction}`;
}
