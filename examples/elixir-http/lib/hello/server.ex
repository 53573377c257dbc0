defmodule Hello.Server do
  @moduledoc "A small HTTP server on Erlang's own sockets, which read requests by themselves."

  use Task, restart: :permanent

  def start_link(port), do: Task.start_link(__MODULE__, :listen, [port])

  def listen(port) do
    options = [:binary, packet: :http_bin, active: false, reuseaddr: true, backlog: 100]
    {:ok, socket} = :gen_tcp.listen(port, options)
    accept(socket)
  end

  defp accept(socket) do
    {:ok, client} = :gen_tcp.accept(socket)
    {:ok, pid} = Task.start(fn -> serve(client) end)
    :gen_tcp.controlling_process(client, pid)
    accept(socket)
  end

  defp serve(client) do
    with {:ok, {:http_request, _method, {:abs_path, path}, _version}} <- :gen_tcp.recv(client, 0) do
      {status, body} = answer(path)

      :gen_tcp.send(client, [
        "HTTP/1.1 #{status}\r\nContent-Type: text/plain; charset=utf-8\r\n",
        "Content-Length: #{byte_size(body)}\r\nConnection: close\r\n\r\n",
        body
      ])
    end

    :gen_tcp.close(client)
  end

  defp answer("/"), do: {"200 OK", Application.fetch_env!(:hello, :greeting)}
  defp answer("/greet/" <> name), do: {"200 OK", Greet.hello(URI.decode(name)) <> "\n"}
  defp answer(_path), do: {"404 Not Found", "Not found\n"}
end
