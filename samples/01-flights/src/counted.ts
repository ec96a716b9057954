/** `1 event`, `2 events`: for sentences that people read. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
