import { addDecimals, type Decimal, decimal, decimalText } from "./decimal.ts";
import { readInput } from "./input-file.ts";
import type { AirportTotal } from "./totals.ts";

/** The totals straight from the file, with no event in between; rows that the schema refuses count here neither. */
export async function expectedTotals(file: string, events: number | undefined): Promise<AirportTotal[]> {
  const sums = new Map<string, { flights: number; delay: Decimal }>();
  for (const { origin, delay } of (await readInput(file, events)).flights) {
    const sum = sums.get(origin) ?? { flights: 0, delay: decimal(0) };
    sums.set(origin, { flights: sum.flights + 1, delay: addDecimals(sum.delay, decimal(delay)) });
  }
  return [...sums].map(([airport, { flights, delay }]) => ({ airport, flights, delay: decimalText(delay) }));
}

/** What differs, one line an airport. Empty: they are equal. */
export function differences(expected: readonly AirportTotal[], counted: readonly AirportTotal[]): string[] {
  const shown = (total: AirportTotal | undefined) =>
    total === undefined ? "nothing" : `${total.flights} flights, ${total.delay} min`;
  const found = new Map(counted.map((total) => [total.airport, total]));
  const wanted = new Map(expected.map((total) => [total.airport, total]));
  return [...new Set([...wanted.keys(), ...found.keys()])]
    .filter((airport) => shown(wanted.get(airport)) !== shown(found.get(airport)))
    .map((airport) => `${airport}: expected ${shown(wanted.get(airport))}, counted ${shown(found.get(airport))}`);
}
