#!/bin/sh
# Installs nixpacks for Linux and macOS: fetches the release's archive for this machine, compares its hash, and puts the binary into a folder.
#
#     install.sh [--version VERSION] [--bin-dir DIR]
#
# NIXPACKS_RELEASES is the address of the releases where they are mirrored: ADDRESS/download/VERSION/FILE, ADDRESS/latest/download/FILE.
set -eu

releases=${NIXPACKS_RELEASES:-https://github.com/nixpacks-cue/nixpacks/releases}
version=latest
dir=

die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

main() {
    while [ $# -gt 0 ]; do
        case $1 in
        --version) version=${2:?--version needs a version}; shift 2 ;;
        --bin-dir) dir=${2:?--bin-dir needs a folder}; shift 2 ;;
        -h | --help) echo "usage: install.sh [--version VERSION] [--bin-dir DIR]"; exit ;;
        *) die "unknown argument $1; see --help" ;;
        esac
    done
    [ -n "$dir" ] || dir=$(folder)
    os=$(system)
    arch=$(machine)
    name=nixpacks-$os-$arch
    case $version in
    latest) from=$releases/latest/download ;;
    *) from=$releases/download/$version ;;
    esac

    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"' EXIT
    fetch "$from/SHA256SUMS" "$tmp/SHA256SUMS"
    fetch "$from/$name.tar.gz" "$tmp/$name.tar.gz"
    want=$(awk -v f="$name.tar.gz" '$2 == f { print $1 }' "$tmp/SHA256SUMS")
    [ -n "$want" ] || die "$from/SHA256SUMS does not name $name.tar.gz"
    is=$(hash "$tmp/$name.tar.gz")
    [ "$is" = "$want" ] || die "$name.tar.gz has the SHA-256 $is, SHA256SUMS says $want; nothing was installed"
    tar -xzf "$tmp/$name.tar.gz" -C "$tmp"

    put "$tmp/$name/nixpacks" || { rm -f "$dir/.nixpacks.$$"; die "cannot write to $dir; name another folder with --bin-dir"; }
    echo "installed $("$dir/nixpacks" version) as $dir/nixpacks"
    case :$PATH: in
    *":$dir:"*) echo "try: nixpacks build PATH" ;;
    *) echo "$dir is not in PATH; try: $dir/nixpacks build PATH" ;;
    esac
}

# folder is where the binary goes unless --bin-dir names one.
folder() {
    if [ "$(id -u)" = 0 ]; then echo /usr/local/bin; else echo "$HOME/.local/bin"; fi
}

# put replaces the binary in one step: it may be running.
put() {
    mkdir -p "$dir" && cp "$1" "$dir/.nixpacks.$$" && chmod 755 "$dir/.nixpacks.$$" && mv -f "$dir/.nixpacks.$$" "$dir/nixpacks"
}

system() {
    case $(uname -s) in
    Linux) echo linux ;;
    Darwin) echo darwin ;;
    *) die "no release for $(uname -s) by this script; on Windows unpack nixpacks-windows-*.zip" ;;
    esac
}

machine() {
    case $(uname -m) in
    x86_64 | amd64) echo amd64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) die "no release for the architecture $(uname -m)" ;;
    esac
}

fetch() {
    if command -v curl >/dev/null; then
        curl -fsSL --retry 3 -o "$2" "$1" || die "cannot fetch $1"
    elif command -v wget >/dev/null; then
        wget -qO "$2" "$1" || die "cannot fetch $1"
    else
        die "curl or wget is needed"
    fi
}

hash() {
    if command -v sha256sum >/dev/null; then sha256sum "$1" | cut -d' ' -f1; else shasum -a 256 "$1" | cut -d' ' -f1; fi
}

main "$@"
