/** Preloaded into one process (`--import`): its wall clock is off by WAYBILL_CHAOS_SHIFT_MS; the monotonic one is not. */
const shiftMs = Number(process.env.WAYBILL_CHAOS_SHIFT_MS);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...given: []) {
    if (given.length === 0) super(RealDate.now() + shiftMs);
    else super(...given);
  }

  static override now(): number {
    return RealDate.now() + shiftMs;
  }
} as DateConstructor;
