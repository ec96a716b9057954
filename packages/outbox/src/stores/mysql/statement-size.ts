/** A statement is prepared for each number of rows, so large ones come in few sizes. */
const SIZES = [512, 128, 100, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1];

/** How many of so many rows go into one statement. */
export function statementSize(rows: number): number {
  return SIZES.find((size) => size <= rows) ?? 1;
}
