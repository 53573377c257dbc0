compile_error!("the web app does not need this");

fn main() {}
