-- Durable submits, one job a request, each by the next of many tenants and each for a subject that
-- nobody has seen before: the body's SUBJECT becomes a number of its own.
-- wrk -s submit_subjects.lua URL/v1/jobs -- KEYS_FILE BODY_FILE

dofile(debug.getinfo(1, "S").source:match("^@?(.*/)") .. "report.lua")

local heads, before, behind, turn = {}, "", "", 0
local salt = os.time()

function init(args)
	local body = io.open(args[2]):read("*a")
	before, behind = body:match("^(.*)SUBJECT(.*)$")
	for i, key in ipairs(lines_of(args[1])) do
		heads[i] = {
			["Authorization"] = "Bearer " .. key,
			["Content-Type"] = "application/json",
		}
	end
end

function request()
	turn = turn + 1
	local body = before .. salt .. "-" .. turn .. behind
	return wrk.format("POST", nil, heads[turn % #heads + 1], body)
end
