import Glibc

struct Response {
    var status = "200 OK"
    var type = "text/plain"
    var body: String

    var text: String {
        "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    }
}

/// What a call of the C library did not do, and why.
struct SystemError: Error, CustomStringConvertible {
    let call: String
    let reason = String(cString: strerror(errno))
    var description: String { "\(call): \(reason)" }
}

/// Answers one GET after another, on all addresses of the machine.
func serve(port: UInt16, answer: (String) throws -> Response) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard listener >= 0 else { throw SystemError(call: "socket") }
    var yes: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))

    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    let bound = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard bound == 0 else { throw SystemError(call: "bind") }
    guard listen(listener, SOMAXCONN) == 0 else { throw SystemError(call: "listen") }

    while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { continue }
        defer { close(client) }
        if let path = requestedPath(of: client) {
            send((try? answer(path)) ?? Response(status: "500 Internal Server Error", body: "Sorry\n"), to: client)
        }
    }
}

/// Reads the head of a request and gives the path in its first line.
func requestedPath(of client: Int32) -> String? {
    var head: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while head.count < 65536, !String(decoding: head, as: UTF8.self).contains("\r\n\r\n") {
        let n = read(client, &buffer, buffer.count)
        guard n > 0 else { return nil }
        head += buffer[..<n]
    }
    let words = String(decoding: head, as: UTF8.self).prefix { $0 != "\r\n" }.split(separator: " ")
    return words.count == 3 && words[0] == "GET" ? String(words[1]) : nil
}

func send(_ response: Response, to client: Int32) {
    var rest = Array(response.text.utf8)[...]
    while !rest.isEmpty {
        let n = rest.withUnsafeBytes { write(client, $0.baseAddress, $0.count) }
        guard n > 0 else { return }
        rest = rest.dropFirst(n)
    }
}
