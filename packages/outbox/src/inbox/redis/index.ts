export type { RedisClaim } from "./claim.ts";
export type { IoredisClient, NodeRedisClient, RedisClient } from "./redis-client.ts";
export { type RedisInboxOptions, redisInbox } from "./redis-inbox.ts";
