package example;

import fi.iki.elonen.NanoHTTPD;
import java.io.IOException;

/** Greets whoever is named in the path. */
public class Server extends NanoHTTPD {
    Server(int port) {
        super(port);
    }

    @Override
    public Response serve(IHTTPSession session) {
        String uri = session.getUri();
        if (uri.equals("/")) {
            return newFixedLengthResponse("Hello from Java\n");
        }
        if (uri.startsWith("/greet/")) {
            return newFixedLengthResponse("Hello, " + uri.substring("/greet/".length()) + "\n");
        }
        return newFixedLengthResponse(Response.Status.NOT_FOUND, MIME_PLAINTEXT, "not found\n");
    }

    public static void main(String[] args) throws IOException {
        String port = System.getenv().getOrDefault("PORT", "8080");
        new Server(Integer.parseInt(port)).start(SOCKET_READ_TIMEOUT, false);
    }
}
