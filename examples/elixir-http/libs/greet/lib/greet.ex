defmodule Greet do
  def hello(name), do: "Hello, #{name}"
end
