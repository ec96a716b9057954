export { type MysqlOptions, mysql } from "./mysql-store.ts";
