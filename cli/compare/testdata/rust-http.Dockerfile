FROM base AS build
RUN apt-get update && apt-get install -y --no-install-recommends cargo ca-certificates
WORKDIR /app
COPY Cargo.toml Cargo.lock ./
RUN --mount=type=cache,id=hand-cargo,target=/root/.cargo/registry mkdir src && echo 'fn main() {}' > src/main.rs && cargo build --release --locked
COPY src src
RUN --mount=type=cache,id=hand-cargo,target=/root/.cargo/registry touch src/main.rs && cargo build --release --locked

FROM base
WORKDIR /app
COPY --from=build /app/target/release/hello bin/hello
COPY static static
CMD ["./bin/hello"]
