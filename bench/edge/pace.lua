-- Makes wrk wait before each request, for a random time with the mean given as its argument in milliseconds.
local mean = 0

function init(args)
  mean = tonumber(args[1])
end

function delay()
  return math.random(0, 2 * mean)
end
