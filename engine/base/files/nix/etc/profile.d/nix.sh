# Nix packages, for login shells: /etc/profile has set PATH anew.
PATH="$HOME/.nix-profile/bin:/nix/var/nix/profiles/default/bin:$PATH"
export PATH
