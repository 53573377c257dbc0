defmodule Hello.MixProject do
  use Mix.Project

  # Its one dependency lies in the app: nothing is fetched. With packages from Hex all is the same, and
  # `mix local.hex` comes first.
  def project do
    [
      app: :hello,
      version: "0.1.0",
      elixir: "~> 1.15",
      deps: [{:greet, path: "libs/greet"}]
    ]
  end

  def application do
    [extra_applications: [:logger], mod: {Hello.Application, []}]
  end
end
