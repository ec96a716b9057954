// The record of an event: absent, the token of whoever has claimed it until its lease ends, or DONE until it may be forgotten. Each
// script runs as one step of the server.

const DONE = "done";

/** ARGV: token, lease. Answers `claimed`, `duplicate` or `busy`. A client that lost its connection may send it again: to whoever has the claim it is theirs. */
export const CLAIM: string = `
local held = redis.call('GET', KEYS[1])
if held == '${DONE}' then return 'duplicate' end
if held and held ~= ARGV[1] then return 'busy' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'claimed'`;

/** ARGV: token, lease. Answers 1, or 0 where the claim has run out. */
export const RENEW: string = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** ARGV: token, how long to remember. Answers 1, or 0 where the claim has run out: nobody may call it done then but whoever has it now. */
export const COMPLETE: string = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], '${DONE}', 'PX', ARGV[2])
return 1`;

/** ARGV: token. The next delivery need not wait for the lease. */
export const GIVE_UP: string = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;
