-- Writes one entry again and again, to many paths in turn: wrk … -- TOKEN FOLDER PATHS FIRST BODY-FILE
local prepared, turn = {}, 0

function init(arguments)
  local token, folder, paths, first, file = unpack(arguments)
  local body = assert(io.open(file)):read("*a")
  local headers = { ["X-Vault-Token"] = token, ["Content-Type"] = "application/json" }
  for path = 1, tonumber(paths) do
    prepared[path] = wrk.format("POST", "/v1/secret/data/" .. folder .. "/" .. path, headers, body)
  end
  turn = tonumber(first)
end

function request()
  turn = turn % #prepared + 1
  return prepared[turn]
end

function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RESULT %d %d %d\n", summary.requests, summary.duration, failed))
end
