defmodule Hello.Application do
  use Application

  @impl true
  def start(_type, _args) do
    port = String.to_integer(System.get_env("PORT", "3000"))
    Supervisor.start_link([{Hello.Server, port}], strategy: :one_for_one)
  end
end
