require "json"
require "sinatra/base"

class App < Sinatra::Base
  get "/" do
    content_type :text
    "Hello from Sinatra\n"
  end

  get "/greet/:name" do
    content_type :json
    JSON.generate(greeting: "Hello, #{params[:name]}")
  end
end
