import { writeFileSync } from "node:fs";
import { fidelity } from "./fidelity.ts";

/** `npx pnpm@12 fidelity [--check]` writes the fidelity tables of the emulators' README, or says whether they are as the tests are. */
const { file, is, should } = fidelity();
if (process.argv.includes("--check")) {
  if (is !== should) {
    console.error(`${file} is not what the tests say: run npx pnpm@12 fidelity.`);
    process.exitCode = 1;
  }
} else if (is !== should) {
  writeFileSync(file, should);
  console.log(`${file} written.`);
}
