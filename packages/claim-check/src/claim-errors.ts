import { defineErrors } from "@waybill/core/spi";

/** Every error that the stores raise themselves. None repeats a key, a SAS or a connection string. */
export const claimErrors = defineErrors({
  WB_CLAIM_STORE_OPTION: {
    sentence: (p: { store: string; option: string; problem: string }) =>
      `The claim check store ${p.store}: the option ${p.option} ${p.problem}.`,
    hint: "A folder takes path; blob takes container with connectionString, or with endpoint and credential, or a containerUrl with a SAS.",
  },
  WB_CLAIM_STORE_CALL: {
    sentence: (p: { store: string; doing: string; answer: string }) => `${p.doing} ${p.store} failed: ${p.answer}.`,
    hint: "Check that it exists, can be reached, and that these credentials may read and write there.",
  },
});
