import { RedisScript } from "./redis-script.ts";

/**
 * The log of invalidations in Redis. All of its keys carry one hash tag, so that in a cluster they
 * share a node and each script is one atomic step:
 *
 * - meta (hash): epoch, the run of the server that it was made in, seq, floor, when it was born
 * - tags (sorted set): guard → number of its last record
 * - pend (hash): `p:<mutation>` → its guards and when its marker runs out; `g:<glob>` → number
 * - nodes (sorted set): process → when it was last heard of
 * - log (stream): the records, with their numbers for ids
 *
 * A part that was evicted or lost would make old values look current, so each part holds the epoch
 * and a script that misses it in one of them, or finds another run of the server, begins a new epoch:
 * everything is old then. A restart counts even when the data came back, since the last writes
 * before it may not have, and so does a replica that took over.
 *
 * Numbers of a new epoch begin at the milliseconds of the clock, above all before them in practice,
 * so that a reader of the old stream is woken by the first record of the new one.
 */
const PROLOGUE = `
local META, TAGS, PEND, NODES, LOG = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
local meta = redis.call('HMGET', META, 'epoch', 'run', 'seq', 'floor', 'born')
local epoch, seq, floor, born = meta[1], tonumber(meta[3]), tonumber(meta[4]), tonumber(meta[5])
if not epoch or meta[2] ~= run
  or not redis.call('ZSCORE', TAGS, '@' .. epoch)
  or redis.call('HGET', PEND, '@') ~= epoch
  or not redis.call('ZSCORE', NODES, '@' .. epoch) then
  epoch, seq, floor, born = ARGV[1], now, now, now
  redis.call('DEL', META, TAGS, PEND, NODES, LOG)
  redis.call('HSET', META, 'epoch', epoch, 'run', run, 'seq', seq, 'floor', floor, 'born', born)
  redis.call('ZADD', TAGS, '+inf', '@' .. epoch)
  redis.call('HSET', PEND, '@', epoch)
  redis.call('ZADD', NODES, '+inf', '@' .. epoch)
end

local function write(kind, id, node, guards, wants, maxlen, maxtags)
  seq = redis.call('HINCRBY', META, 'seq', 1)
  redis.call('XADD', LOG, 'MAXLEN', '~', maxlen, string.format('%.0f-0', seq),
    'e', epoch, 'k', kind, 'i', id, 'n', node, 'w', wants, 'g', cjson.encode(guards))
  if kind ~= 'pattern' then
    for _, guard in ipairs(guards) do redis.call('ZADD', TAGS, seq, guard) end
    local extra = redis.call('ZCARD', TAGS) - tonumber(maxtags)
    if extra > 0 then
      local gone = redis.call('ZPOPMIN', TAGS, math.min(1000, extra + math.floor(tonumber(maxtags) / 100)))
      floor = math.max(floor, tonumber(gone[#gone]))
      redis.call('HSET', META, 'floor', floor)
    end
  end
end

local function endTheDead(maxlen, maxtags)
  local all = redis.call('HGETALL', PEND)
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 2) == 'p:' then
      local marker = cjson.decode(all[i + 1])
      if marker['until'] < now then
        redis.call('HDEL', PEND, all[i])
        write('bump', string.sub(all[i], 3), '', marker.guards, '0', maxlen, maxtags)
      end
    end
  end
end
`;

/** ARGV: epoch to begin, node, maxlen, maxtags. */
export const JOIN = new RedisScript(`${PROLOGUE}
endTheDead(ARGV[3], ARGV[4])
redis.call('ZADD', NODES, now, ARGV[2])
return { epoch, string.format('%.0f', seq), redis.call('HGETALL', PEND) }
`);

/** ARGV: epoch to begin, node, maxlen, maxtags, lease of markers, mutations to renew… */
export const BEAT = new RedisScript(`${PROLOGUE}
redis.call('ZADD', NODES, now, ARGV[2])
for i = 6, #ARGV do
  local marker = redis.call('HGET', PEND, 'p:' .. ARGV[i])
  if marker then
    marker = cjson.decode(marker)
    marker['until'] = now + tonumber(ARGV[5])
    redis.call('HSET', PEND, 'p:' .. ARGV[i], cjson.encode(marker))
  end
end
endTheDead(ARGV[3], ARGV[4])
return { epoch, string.format('%.0f', seq) }
`);

/** ARGV: epoch to begin, node, maxlen, maxtags, lease of markers, kind, id, wants ack, alive for, guards as JSON. */
export const APPEND = new RedisScript(`${PROLOGUE}
local node, kind, id = ARGV[2], ARGV[6], ARGV[7]
local guards = cjson.decode(ARGV[10])
local held = 0
if kind == 'bump' then held = redis.call('HDEL', PEND, 'p:' .. id) end
if kind == 'pending' then
  redis.call('HSET', PEND, 'p:' .. id, cjson.encode({ guards = guards, ['until'] = now + tonumber(ARGV[5]) }))
end
write(kind, id, node, guards, ARGV[8], ARGV[3], ARGV[4])
if kind == 'pattern' then
  redis.call('HSET', PEND, 'g:' .. guards[1], string.format('%.0f', seq))
  local all = redis.call('HGETALL', PEND)
  local count, oldest, oldestSeq = 0, nil, nil
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 2) == 'g:' then
      count = count + 1
      if not oldestSeq or tonumber(all[i + 1]) < oldestSeq then
        oldest, oldestSeq = all[i], tonumber(all[i + 1])
      end
    end
  end
  if count > 64 then
    redis.call('HDEL', PEND, oldest)
    redis.call('HSET', META, 'floor', math.max(floor, oldestSeq))
  end
end
redis.call('ZREMRANGEBYSCORE', NODES, '-inf', now - 10 * tonumber(ARGV[9]))
local alive = redis.call('ZRANGEBYSCORE', NODES, now - tonumber(ARGV[9]), '(+inf')
return { epoch, string.format('%.0f', seq), held, now - born, alive }
`);

/** ARGV: epoch to begin, guards… Gives epoch, floor, the number of each guard, the patterns. */
export const VERIFY = new RedisScript(`${PROLOGUE}
local versions = {}
for i = 2, #ARGV do versions[i - 1] = redis.call('ZSCORE', TAGS, ARGV[i]) or '0' end
local patterns = {}
local all = redis.call('HGETALL', PEND)
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'g:' then
    patterns[#patterns + 1] = string.sub(all[i], 3)
    patterns[#patterns + 1] = all[i + 1]
  end
end
return { epoch, string.format('%.0f', floor), versions, patterns }
`);

/** Gives up a lock, when it is still ours. KEYS: lock. ARGV: token. */
export const UNLOCK = new RedisScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`);

/** Keeps a lock for longer, when it is still ours. KEYS: lock. ARGV: token, milliseconds. */
export const RENEW_LOCK = new RedisScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
`);
