package redisstore

// swapScript is a Swap, in one step. Its keys are those of the record and of
// the epoch that goes with it; its arguments
//
//  1. the latest time that the caller was told, in µs: what had expired for it
//     must not live again where this server's clock is behind
//  2. the version to replace, "" for an absent record
//  3. the new record, "" for none
//  4. when the key may go, in ms, 0 for a record that never expires
//
// and it returns whether it has swapped, and the time; where it has not, the
// record and the epoch too.
//
// A record's expiry is judged in µs, as the time is: a number of Lua holds no
// more.
const swapScript = `local function lives(record, now)
  if #record < 24 then return false end
  local high, low = struct.unpack('>I4I4', record, 17)
  return high + low == 0 or high * 4294967 + math.ceil((high * 296 + low) / 1000) > now
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local told = tonumber(ARGV[1])
if told > now and told - now <= 60000000 then now = told end
local is, next = redis.call('GET', KEYS[1]), ARGV[3]
if (is and lives(is, now) and string.sub(is, 1, 16) or '') ~= ARGV[2] then
  return {0, time[1], time[2], is, redis.call('GET', KEYS[2])}
end
if next == '' or not lives(next, now) then
  redis.call('DEL', KEYS[1])
  return {1, time[1], time[2]}
end
local till = ARGV[4]
if till == '0' then till = math.floor(now / 1000) + 34560000000 end
redis.call('SET', KEYS[1], next, 'PXAT', till)
return {1, time[1], time[2]}
`

// swapSHA names the script to a server that has it. It is no secret and no
// check: SHA-1 is what Redis calls its scripts by.
const swapSHA = "a48909087d1a003dc7306ce18b62af07bcf4c38d"
