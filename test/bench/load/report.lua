-- What every load script prints at its end: one JSON line for longhaul_bench.wrk to read.
-- wrk gives done() the merged counts of all threads; latencies are in microseconds.

local format = '{"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,"bytes":%d,'
	.. '"refused":%d,"broken":%d}\n'

function done(summary, latency)
	local e = summary.errors
	io.write("\n", string.format(format, summary.requests, summary.duration,
		latency:percentile(50), latency:percentile(99), latency.max, summary.bytes,
		e.status, e.connect + e.read + e.write + e.timeout))
end

-- The lines of a file: keys and bodies come this way, never as arguments.
function lines_of(path)
	local lines = {}
	for line in io.lines(path) do
		lines[#lines + 1] = line
	end
	return lines
end
