import { describe, expect, it } from "vitest";
import { Partition } from "./partition.ts";

const body = { key: undefined, body: null, headers: {} };

describe("Partition", () => {
  it("finds every message by its offset, before and after the oldest were forgotten", () => {
    const partition = new Partition(0);
    for (let offset = 0; offset < 5_000; offset++) partition.append({ id: String(offset), ...body });
    expect(partition.at(0).id).toBe("0");
    expect(partition.at(4_999).id).toBe("4999");
    partition.trim(3_000);
    expect(partition.start).toBe(3_000);
    for (const offset of [3_000, 3_071, 3_072, 4_095, 4_096, 4_999])
      expect(partition.at(offset).id).toBe(String(offset));
    partition.trim(100);
    expect(partition.start).toBe(3_000);
    partition.trim(9_999);
    expect(partition.start).toBe(5_000);
    partition.append({ id: "5000", ...body });
    expect(partition.at(5_000).id).toBe("5000");
  });

  it("goes on after being emptied at a chunk's edge", () => {
    const partition = new Partition(0);
    for (let offset = 0; offset < 2_048; offset++) partition.append({ id: String(offset), ...body });
    partition.trim(2_048);
    for (let offset = 2_048; offset < 2_060; offset++) partition.append({ id: String(offset), ...body });
    expect(partition.at(2_048).id).toBe("2048");
    expect(partition.at(2_059).id).toBe("2059");
  });
});
