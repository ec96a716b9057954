import { expect, it } from "vitest";
import { crc32c } from "./crc32c.ts";

const ascending = Uint8Array.from({ length: 32 }, (_, n) => n);

it.each([
  ["nothing", new Uint8Array(), 0],
  ["the digits of the catalogue of CRCs", Buffer.from("123456789"), 0xe306_9283],
  ["32 zeros of RFC 3720", new Uint8Array(32), 0x8a91_36aa],
  ["32 ones of RFC 3720", new Uint8Array(32).fill(0xff), 0x62a8_ab43],
  ["what ascends in RFC 3720", ascending, 0x46dd_794e],
  ["what descends in RFC 3720", ascending.toReversed(), 0x113f_db5c],
])("sums %s", (_, bytes, sum) => {
  expect(crc32c(bytes)).toBe(sum);
});
