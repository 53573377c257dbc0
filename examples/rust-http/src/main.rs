use std::env;
use tiny_http::{Response, Server};

fn main() {
    let port = env::var("PORT").unwrap_or_else(|_| "8080".into());
    let server = Server::http(format!("0.0.0.0:{port}")).expect("cannot listen");
    for request in server.incoming_requests() {
        let (status, body) = answer(request.url());
        let _ = request.respond(Response::from_string(body).with_status_code(status));
    }
}

fn answer(path: &str) -> (u16, String) {
    if path == "/" {
        return (200, "Hello from Rust\n".into());
    }
    // A file of the app that is no source, as templates are.
    if path == "/motto" {
        return match std::fs::read_to_string("static/motto.txt") {
            Ok(text) => (200, text),
            Err(e) => (500, e.to_string()),
        };
    }
    match path.strip_prefix("/greet/") {
        Some(name) => (200, format!("Hello, {name}\n")),
        None => (404, "not here\n".into()),
    }
}
