-- The script of wrk for the load comparison. The script that loads this one sets
-- `requests_file` and `connections`.
--
-- wrk calls `wrk.format` once and then sends the same bytes again and again, so
-- that no Lua runs for each request. It counts the requests in them itself.

local ffi = require("ffi")

ffi.cdef [[
  typedef struct { uint64_t count, limit, min, max, data[]; } load_stats;
]]

local file = assert(io.open(requests_file, "rb"))
local requests = file:read("*a")
file:close()
wrk.format = function() return requests end

-- wrk corrects for measurements that it believes to have missed: for a latency of
-- at least twice the mean time between two responses of a connection, it adds one
-- latency for each such time below it. With pipelining, the time between two
-- responses is not the time between two writes, so wrk adds latencies that no
-- request had. This removes them, from the longest down, since nothing was added
-- above the longest.
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
