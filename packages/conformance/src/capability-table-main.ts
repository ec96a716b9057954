import { parseArgs } from "node:util";
import { writeCapabilityTables } from "./capability-table.ts";
import { conformanceCases } from "./cases/index.ts";

/** `node --conditions=waybill-source packages/conformance/src/capability-table-main.ts [--results DIR] [--pages DIR] [--check]`, from the repository's root. */
const { values } = parseArgs({
  options: {
    results: { type: "string", default: "node_modules/.cache/waybill/conformance" },
    pages: { type: "string", default: "docs/adapters" },
    check: { type: "boolean", default: false },
  },
});
const { stale, problems } = writeCapabilityTables({ ...values, cases: conformanceCases.length });
for (const problem of problems) console.error(problem);
for (const file of stale) console.log(values.check ? `${file} is not what the suite measured.` : `${file} written.`);
if (problems.length > 0 || (values.check && stale.length > 0)) process.exitCode = 1;
