-- For wrk: requests in turns, each from a file that holds it whole; at the end, one line of JSON.

local whole, last = {}, 0

function init(paths)
  for _, path in ipairs(paths) do
    local file = assert(io.open(path, "rb"))
    whole[#whole + 1] = file:read("*a")
    file:close()
  end
end

function request()
  last = last % #whole + 1
  return whole[last]
end

function done(summary, latency)
  local failed = summary.errors
  print(string.format(
    '{"seconds": %f, "answers": %d, "p50": %f, "p99": %f, "refused": %d, "broken": %d}',
    summary.duration / 1e6, summary.requests,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    failed.status, failed.connect + failed.read + failed.write + failed.timeout))
end
