-- Load for bench/rolling_restart.ts: GETs, or GETs and POSTs in turn. Prints the
-- counts as JSON at the end.
local texts = {}
local turn = 0

function init(args)
  texts[1] = wrk.format("GET", "/")
  texts[2] = args[1] == "mix"
    and wrk.format("POST", "/", { ["Content-Length"] = "100" }, string.rep("x", 100))
    or texts[1]
end

function request()
  turn = 3 - (turn == 0 and 2 or turn)
  return texts[turn]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}\n',
    summary.requests, errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end
