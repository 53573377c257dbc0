import FoundationEssentials
import Glibc

struct Greeting: Encodable {
    let greeting: String
}

func answer(to path: String) throws -> Response {
    switch path {
    case "/":
        return Response(body: "Hello from Swift\n")
    case _ where path.hasPrefix("/greet/"):
        let json = try JSONEncoder().encode(Greeting(greeting: "Hello, \(path.dropFirst("/greet/".count))"))
        return Response(type: "application/json", body: String(decoding: json, as: UTF8.self))
    default:
        return Response(status: "404 Not Found", body: "Not found\n")
    }
}

signal(SIGTERM) { _ in _exit(0) }  // the first process of a container has no default for it
signal(SIGPIPE, SIG_IGN)  // a client that is gone ends no server

let port = getenv("PORT").flatMap { UInt16(String(cString: $0)) } ?? 3000
try serve(port: port, answer: answer)
