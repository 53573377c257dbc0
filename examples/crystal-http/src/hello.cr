require "http/server"
require "json"

server = HTTP::Server.new do |context|
  path = context.request.path
  response = context.response
  case path
  when "/"
    response.content_type = "text/plain"
    response.print "Hello from Crystal\n"
  when .starts_with?("/greet/")
    response.content_type = "application/json"
    {greeting: "Hello, #{path.lchop("/greet/")}"}.to_json(response)
  else
    response.respond_with_status(404, "Not found")
  end
end

Process.on_terminate { server.close }

server.bind_tcp("0.0.0.0", ENV.fetch("PORT", "3000").to_i)
server.listen
