# Rust toolchains, by the names that plans have for them. All are Debian's, of one version, and have the targets of gcc
# alone: for musl's, programs are linked with a static glibc.
final: prev:
let
  toolchain = { targets ? [ ] }: prev.runCommand "rust-default" { targets = toString targets; } ''
    mkdir -p $out/bin
    cat > $out/bin/cargo <<'EOF'
    #!/bin/bash
    args=()
    for arg; do
      case $arg in
      *-linux-musl)
        musl=$arg gnu=''${arg%musl}gnu
        [[ " @targets@ " == *" $musl "* ]] || { echo "cargo: the target $musl is not there" >&2; exit 1; }
        export RUSTFLAGS="-C target-feature=+crt-static''${RUSTFLAGS:+ $RUSTFLAGS}"
        args+=("$gnu") ;;
      *) args+=("$arg") ;;
      esac
    done
    if [ -n "$musl" ]; then mkdir -p target; ln -sfn "$gnu" "target/$musl"; fi
    exec /usr/bin/cargo "''${args[@]}"
    EOF
    sed -i "s/@targets@/$targets/" $out/bin/cargo
    printf '#!/bin/sh\nexec /usr/bin/rustc "$@"\n' > $out/bin/rustc
    chmod 755 $out/bin/*
  '' // { override = toolchain; };
in
{
  rust-bin.stable.latest.default = toolchain { };
}
