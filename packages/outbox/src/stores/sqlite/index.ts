export { type SqliteOptions, sqlite } from "./sqlite-store.ts";
