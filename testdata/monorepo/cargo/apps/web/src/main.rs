fn main() {
    println!("web says {}", hello::greeting());
}
