import { describe, expect, it } from "vitest";
import type { ReceiverCapabilities, SenderCapabilities } from "../spi/capabilities.ts";
import { type AssessOptions, assess } from "./assess.ts";

const sender: SenderCapabilities = {
  schedule: false,
  headers: true,
  fanOut: true,
  dedupe: false,
  overlap: false,
  maxSendBatch: 10,
  maxSendBatchBytes: 1_000,
  maxMessageBytes: 100,
};
const receiver: ReceiverCapabilities = {
  settle: "each",
  order: "none",
  lease: { ms: 30_000, renewable: true },
  release: false,
  reject: true,
  settleCost: "io",
  maxReceiveBatch: 10,
};
const of = (
  over: { sender?: Partial<SenderCapabilities>; receiver?: Partial<ReceiverCapabilities>; back?: boolean } = {},
  rest: Partial<AssessOptions> = {},
) => {
  const sending = { ...sender, ...over.sender };
  const description = {
    sender: sending,
    receiver: { ...receiver, ...over.receiver },
    returnSender: over.back ? sending : undefined,
  };
  return assess({
    topic: "orders",
    options: { name: "billing" },
    description,
    inbox: false,
    outbox: false,
    claimCheck: false,
    ...rest,
  });
};
const how = ({ findings }: ReturnType<typeof of>, feature: string) => findings.find((one) => one.feature === feature);

describe("assess", () => {
  it("refuses what the subscription requires and the source does not keep", () => {
    const refused = of({}, { options: { name: "billing", order: "required" } });
    expect(refused.granted).toBeUndefined();
    expect(how(refused, "order per key")).toMatchObject({ how: "refused", blocks: true });
    expect(of({ receiver: { order: "lane" } }, { options: { name: "b", order: "required" } }).granted).toBeDefined();
  });

  it("counts on another broker that keeps what returns, and refuses one that cannot", () => {
    const options = { name: "billing", order: "none", retry: { attempts: 2, initialMs: 5_000 } } as const;
    const schedule = { maxDelayMs: 60_000 };
    const description = { sender, receiver: { ...receiver, reject: false } };
    const kept = (returnSender: SenderCapabilities | undefined) =>
      assess({
        ...{ topic: "orders", options, description, inbox: false, outbox: false, claimCheck: false },
        returns: { adapter: "queues", description: { ...description, returnSender } },
      });
    expect(kept({ ...sender, schedule }).retries.map(({ way }) => way)).toEqual(["copy"]);
    expect(how(kept({ ...sender, schedule }), "redrive to it alone")?.how).toBe("native");
    expect(() => kept(undefined)).toThrow("WB_RETURNS_UNSUPPORTED");
  });

  it("says where what is given up has no place", () => {
    const receiver = { reject: false, deadPlace: false };
    const nowhere = of({ receiver });
    expect(nowhere.granted?.guarantee.deadLetter).toBe("none");
    expect(how(nowhere, "dead letters")).toEqual({
      feature: "dead letters",
      how: "refused",
      detail: expect.stringContaining("nothing is declared for orders/billing/dead"),
    });
    const named = of({ receiver }, { options: { name: "billing", deadLetterTo: "graves" } });
    expect(how(named, "dead letters")).toMatchObject({ how: "emulated", detail: "copied to graves, then acked" });
  });

  it("tells each wait and who keeps the event meanwhile", () => {
    const options = { name: "billing", retry: { attempts: 4, initialMs: 500, factor: 4 } };
    const ways = (over: Parameters<typeof of>[0]) =>
      of(over, { options }).retries.map(({ way, delayMs }) => [way, delayMs]);
    expect(ways({ receiver: { release: { stepsMs: [0, 5_000] } } })).toEqual([
      ["in-place", 500],
      ["release", 5_000],
      ["release", 5_000],
    ]);
    expect(ways({ back: true, sender: { schedule: { maxDelayMs: 3_000 } } })).toEqual([
      ["in-place", 500],
      ["copy", 2_000],
      ["in-place", 8_000],
    ]);
    expect(ways({ receiver: { order: "lane", release: { maxDelayMs: 60_000 } } }).map(([way]) => way)).toEqual(
      Array(3).fill("in-place"),
    );
  });

  it("says what an outbox, an inbox and a claim check make up for", () => {
    expect(how(of(), "scheduled events")?.how).toBe("refused");
    expect(how(of({}, { outbox: true }), "scheduled events")?.how).toBe("emulated");
    expect(how(of({}, { inbox: true }), "duplicate detection")?.how).toBe("emulated");
    expect(of({}, { inbox: true }).granted?.guarantee.delivery).toBe("at-least-once, idempotent");
    expect(how(of(), "events above the limit")?.how).toBe("refused");
    expect(how(of({}, { claimCheck: true }), "events above the limit")?.how).toBe("emulated");
  });

  it("names the place of dead letters where the broker has none of its own", () => {
    expect(of().granted).toMatchObject({ deadLetterTo: undefined, guarantee: { deadLetter: "native" } });
    expect(of({ receiver: { reject: false } }).granted?.deadLetterTo).toBe("orders/billing/dead");
    expect(of({}, { options: { name: "billing", deadLetterTo: "lost" } }).granted?.deadLetterTo).toBe("lost");
  });

  it("refuses wrong options as a subscription would", () => {
    expect(() => of({}, { options: { name: "billing", concurrency: 0 } })).toThrow("WB_OPTION_INVALID");
  });
});
