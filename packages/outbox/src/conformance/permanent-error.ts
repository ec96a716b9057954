import { defineErrors } from "@waybill/core/spi";

/** An error with one of core's codes, as a publisher would answer it. */
export function coreErrorLike(code: string): Error {
  return defineErrors({ [code]: { sentence: () => "Refused by the test.", hint: "None." } })[code]!({});
}
