-- Durable submits, one job a request, each by the next of many tenants.
-- wrk -s submit.lua URL/v1/jobs -- LOAD_DIR KEYS_FILE BODY_FILE

local requests, turn = {}, 0

function init(args)
	dofile(args[1] .. "/report.lua")
	local body = io.open(args[3]):read("*a")
	for i, key in ipairs(lines_of(args[2])) do
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
