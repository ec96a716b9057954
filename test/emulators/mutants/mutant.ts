/** One behaviour of an emulator, broken once. The test that is named must fail with it. */
export interface Mutant {
  /** The row of the fidelity table that says so, word by word without what stands behind its dash. */
  readonly behaviour: string;
  /** What the broken emulator does. */
  readonly does: string;
  /** Below packages/emulators/src. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** From the root. */
  readonly test: string;
  /** Of the test, or a part of it; absent: every test of the file. */
  readonly name?: string;
}

export interface MutantList {
  readonly mutants: readonly Mutant[];
  /** Every row of the emulator's fidelity table has a mutant, or stands in `without`. */
  readonly isComplete: boolean;
  /** Rows that no mutant can break, and why. */
  readonly without: Readonly<Record<string, string>>;
}

export const occurrences = (text: string, part: string): number => text.split(part).length - 1;

/** Mutants that tests of one file must kill. */
export const seenBy = (test: string, mutants: readonly Omit<Mutant, "test">[]): readonly Mutant[] =>
  mutants.map((mutant) => ({ ...mutant, test }));

/** Mutants that break what one row of the fidelity table says. */
export const ofRow = (behaviour: string, mutants: readonly Omit<Mutant, "behaviour">[]): readonly Mutant[] =>
  mutants.map((mutant) => ({ behaviour, ...mutant }));
