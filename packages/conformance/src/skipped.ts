/** Thrown by `stage.skip`: this case says nothing about this adapter. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}
