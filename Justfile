# What a developer of this project runs. `just` lists it.

_default:
    @just --list

# Build the program to bin/nixpacks.
build:
    go build -o bin/nixpacks ./cli/nixpacks

# Every test that needs no network.
test:
    go test ./...

# Every test, with real builds: needs the package registries and Debian's archive.
e2e:
    NIXPACKS_E2E=require go test -timeout 60m ./...

# What CI demands before tests: formatted, vetted, tidy, goldens fresh.
lint:
    test -z "$(gofmt -l .)" || (gofmt -l . && false)
    go vet ./...
    go tool staticcheck ./...
    go mod tidy -diff

# Rewrite golden files from what the program says now; look at the diff before you commit it.
update:
    go test ./engine/plan/... ./engine/plan2llb/... ./engine/unify/... ./providers/... ./schema/... ./cli/... -update

# Plans beside Nixpacks': NIXPACKS_CONFORMANCE names the folder with the cases.
conformance: build
    "$NIXPACKS_CONFORMANCE/check" bin/nixpacks

# Every case of the providers by the cue command, of which the test command takes one in four.
stock-cue:
    NIXPACKS_STOCK_CUE=all go test -timeout 30m -run TestStockCUE ./providers

# Speed, real builds included: see docs/performance.md.
bench: build
    NIXPACKS_E2E=1 go test -run '^$' -bench . -benchtime 20x ./cli/ ./engine/...
    NIXPACKS_E2E=1 go test -run '^$' -bench . -benchtime 1x -timeout 2h ./cli/compare

# What strangers' apps, configuration and providers may try: docs/security.md. The test command runs a short form of it.
hostile:
    NIXPACKS_E2E=require NIXPACKS_HOSTILE=all go test -timeout 60m -run Hostile ./...

# Every parser, each for a time: it finds the targets by itself. What a target finds lies in its testdata/fuzz.
fuzz time="60s":
    .ci/fuzz {{time}}

# Every package manager in the network of a company: docs/security.md. The test command runs a short form of it.
networks:
    NIXPACKS_E2E=require NIXPACKS_NETWORKS=all go test -timeout 30m -run 'Network|RealScript/offline' ./examples ./cli

# Kills, full disks, failing registries: docs/security.md. The test command runs a short form of it.
faults:
    NIXPACKS_E2E=require NIXPACKS_FAULTS=50 go test -timeout 90m -run 'Fault|Killed' ./...

# Many builds in a row and at once: docs/security.md. The test command runs a short form of it.
soak:
    NIXPACKS_E2E=require NIXPACKS_SOAK=200 go test -timeout 90m -run Soak ./...
    NIXPACKS_E2E=require NIXPACKS_SOAK=200 go test -race -timeout 30m -run SoakAtOnce ./cli/faults

# The binary of a release: static, with the filter of system calls. `.ci/reproducible` checks that it depends on its source alone.
release file="bin/nixpacks":
    .ci/release {{file}}

# What a release consists of, for every system: archives, SBOMs, checksums, the install script (docs/releases.md).
dist dir="dist" *args:
    .ci/dist {{dir}} {{args}}

# Make the frontend's image (docs/frontend.md) and push it under a name.
frontend-image name: build
    CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o bin/nixpacks-static ./cli/nixpacks
    bin/nixpacks frontend image --binary bin/nixpacks-static --push {{name}}
