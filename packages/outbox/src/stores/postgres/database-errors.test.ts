import { isWaybillError } from "@waybill/core";
import { expect, test } from "vitest";
import { databaseError, endsConnection } from "./database-errors.ts";

const ofServer = (code: string) => Object.assign(new Error("said by the server"), { severity: "ERROR", code });
const codeOf = (error: unknown) => {
  const translated = databaseError(error, "the outbox");
  return isWaybillError(translated) ? translated.code : undefined;
};

test.each([
  ["53100", "WB_POSTGRES_DISK"],
  ["42P01", "WB_POSTGRES_TABLE_MISSING"],
  ["42501", "WB_POSTGRES_PERMISSION"],
  ["57P01", "WB_POSTGRES_CONNECTION"],
  ["25P04", "WB_POSTGRES_CONNECTION"],
  ["25006", "WB_POSTGRES_READ_ONLY"],
  ["23505", undefined],
])("SQLSTATE %s is %s", (state, code) => {
  expect(codeOf(ofServer(state))).toBe(code);
});

test("what a socket or the driver says about the connection is told as such", () => {
  for (const error of [
    Object.assign(new Error("connect"), { code: "ECONNREFUSED" }),
    new Error("Connection terminated unexpectedly"),
    new Error("Query read timeout"),
  ]) {
    expect(codeOf(error)).toBe("WB_POSTGRES_CONNECTION");
    expect(endsConnection(error)).toBe(true);
  }
});

test("a connection is kept after an error of a statement, and given up where it is of no use any more", () => {
  expect(endsConnection(ofServer("23505"))).toBe(false);
  // A server that became a standby keeps its connections and takes no more writes.
  expect(endsConnection(ofServer("25006"))).toBe(true);
});
