-- Polls of jobs that have not changed: GET with the ETag of the last answer, "-" for without.
-- wrk -s poll.lua URL -- POLLS_FILE, whose lines are: key, path and ETag, by blanks.

dofile(debug.getinfo(1, "S").source:match("^@?(.*/)") .. "report.lua")

local requests, turn = {}, 0

function init(args)
	for i, line in ipairs(lines_of(args[1])) do
		local key, path, etag = line:match("^(%S+) (%S+) (%S+)$")
		requests[i] = wrk.format("GET", path, {
			["Authorization"] = "Bearer " .. key,
			["If-None-Match"] = etag ~= "-" and etag or nil,
		})
	end
end

function request()
	turn = turn % #requests + 1
	return requests[turn]
end
