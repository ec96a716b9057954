/** A sequence that is the same for the same seed, so that what fails once fails again. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Random = (below: number) => number;

/** Numbers at which lengths and counts go wrong. */
const EDGES = [0, 1, 0x3f, 0x40, 0x45, 0x7f, 0x80, 0xa1, 0xb1, 0xc0, 0xc1, 0xd0, 0xd1, 0xe0, 0xf0, 0xfe, 0xff];

/** Some bytes changed, put in, left out or repeated. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  let out = Buffer.from(bytes);
  for (let times = 1 + random(3); times > 0 && out.length > 0; times -= 1) {
    const at = random(out.length);
    const length = 1 + random(Math.min(8, out.length - at));
    switch (random(6)) {
      case 0:
        out[at] = out[at]! ^ (1 << random(8));
        break;
      case 1:
        out[at] = EDGES[random(EDGES.length)]!;
        break;
      case 2:
        out.fill(random(2) === 0 ? 0xff : 0x00, at, at + length);
        break;
      case 3:
        out = Buffer.concat([out.subarray(0, at), out.subarray(at + length)]);
        break;
      case 4:
        out = Buffer.concat([out.subarray(0, at + length), out.subarray(at)]);
        break;
      default: {
        const extra = Buffer.from(Array.from({ length }, () => random(256)));
        out = Buffer.concat([out.subarray(0, at), extra, out.subarray(at)]);
      }
    }
  }
  return out;
}
