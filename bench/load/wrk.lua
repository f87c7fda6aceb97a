-- What wrk runs for the load comparison. The script that loads this one sets
-- `octets_file` and `connections`.
--
-- Replacing `wrk.format`, which is called once, keeps Lua out of the requests:
-- wrk sends the same octets again and again, and sees by itself how many
-- requests stand in them.

local ffi = require("ffi")

ffi.cdef [[
  typedef struct { uint64_t count, limit, min, max, data[]; } load_stats;
]]

local file = assert(io.open(octets_file, "rb"))
local octets = file:read("*a")
file:close()
wrk.format = function() return octets end

-- wrk adds measurements that it believes to have missed: for each latency of
-- at least twice the mean time between a connection's answers, one for every
-- such time below it. With pipelining it takes the time between answers for
-- that between writes, and fills the table with what never was. This takes the
-- added ones out again, from the longest down, where nothing was added.
local function measured(latency, interval)
  local stats = ffi.cast("load_stats **", latency)[0]
  local min, max = tonumber(stats.min), tonumber(stats.max)
  if min ~= latency.min or max ~= latency.max then return nil end
  local counts = {}
  for micros = 0, max do counts[micros] = tonumber(stats.data[micros]) end
  for micros = max, 2 * interval, -1 do
    local count = counts[micros]
    if count > 0 then
      for added = micros - interval, interval + 1, -interval do
        counts[added] = counts[added] - count
      end
    end
  end
  return counts
end

local function percentile(counts, share)
  local total = 0
  for _, count in pairs(counts) do total = total + count end
  local wanted, seen = math.ceil(total * share), 0
  for micros = 0, #counts do
    seen = seen + counts[micros]
    if seen >= wanted then return micros end
  end
  return 0
end

function done(summary, latency)
  local answers = math.floor(summary.requests / connections)
  local interval = answers > 0 and math.floor(summary.duration / answers) or 0
  local counts = interval > 0 and measured(latency, interval) or nil
  local e = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"p50Ms":%.3f,"p99Ms":%.3f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6,
    (counts and percentile(counts, 0.5) or latency:percentile(50)) / 1e3,
    (counts and percentile(counts, 0.99) or latency:percentile(99)) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
