import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

const FILE = fileURLToPath(new URL("../data/flights-20k.json", import.meta.resolve("vega-datasets")));

/** Everything again, from the databases and the file alone. */
export async function problemsIn(folder: string, events: number): Promise<string[]> {
  const rows = (JSON.parse(await readFile(FILE, "utf8")) as { origin: string; delay: number }[]).slice(0, events);
  const expected = new Map<string, { flights: number; delay: number }>();
  for (const { origin, delay } of rows) {
    const sum = expected.get(origin) ?? { flights: 0, delay: 0 };
    expected.set(origin, { flights: sum.flights + 1, delay: sum.delay + delay });
  }
  const db = new DatabaseSync(join(folder, "totals.db"));
  try {
    const effects = db.prepare("SELECT flight, count(*) AS times FROM effects GROUP BY flight").all();
    const twice = effects.filter(({ times }) => Number(times) > 1).length;
    const totals = db.prepare("SELECT airport, flights, delay FROM airport_totals").all();
    const wrong = totals.filter(({ airport, flights, delay }) => {
      const sum = expected.get(airport as string);
      return sum === undefined || sum.flights !== flights || String(sum.delay) !== delay;
    });
    return [
      ...(effects.length === rows.length ? [] : [`${rows.length - effects.length} of ${rows.length} events lost`]),
      ...(twice === 0 ? [] : [`${twice} events counted more than once`]),
      ...(wrong.length === 0 && totals.length === expected.size ? [] : [`${wrong.length} airports differ`]),
    ];
  } finally {
    db.close();
  }
}
