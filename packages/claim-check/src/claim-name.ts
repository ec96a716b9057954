import { randomUUID } from "node:crypto";

const NAME = /^\d{4}-\d{2}-\d{2}\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A fresh name, `2026-11-26/<uuid>`: the day first, so that whoever removes what is old can go by folders. Nothing of the event is in it. */
export function newClaimName(): string {
  return `${new Date().toISOString().slice(0, 10)}/${randomUUID()}`;
}

/** The name in a reference that begins with `start`; undefined for anything that `newClaimName` could not have made: no dots, no backslash, no escape fits. */
export function claimNameIn(reference: string, start: string): string | undefined {
  if (!reference.startsWith(start)) return undefined;
  const name = reference.slice(start.length);
  return NAME.test(name) ? name : undefined;
}
