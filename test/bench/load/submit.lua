-- Durable submits, one job a request, each by the next of many tenants.
-- wrk -s submit.lua URL/v1/jobs -- KEYS_FILE BODY_FILE

dofile(debug.getinfo(1, "S").source:match("^@?(.*/)") .. "report.lua")

local requests, turn = {}, 0

function init(args)
	local body = io.open(args[2]):read("*a")
	for i, key in ipairs(lines_of(args[1])) do
		requests[i] = wrk.format("POST", nil, {
			["Authorization"] = "Bearer " .. key,
			["Content-Type"] = "application/json",
		}, body)
	end
end

function request()
	turn = turn % #requests + 1
	return requests[turn]
end
