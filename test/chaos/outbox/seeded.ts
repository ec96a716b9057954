/** Numbers from 0 to 1 that the same seeds repeat, in every process. */
export function seeded(...seeds: readonly number[]): () => number {
  let state = seeds.reduce((mixed, seed) => step(mixed ^ BigInt(seed)), 0x9e3779b97f4a7c15n);
  return () => {
    state = step(state);
    return Number(state >> 33n) / 2 ** 31;
  };
}

function step(state: bigint): bigint {
  return BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
}
