# Login shells see what nix-env has installed. /etc/profile has set PATH anew before it reads this file.
for i in "$HOME"/.nix-profile/etc/profile.d/*.sh; do
	if [ -r "$i" ]; then
		. "$i"
	fi
done
unset i
PATH="${NIXPACKS_PATH:+$NIXPACKS_PATH:}$HOME/.nix-profile/bin:/nix/var/nix/profiles/default/bin:$PATH"
export PATH
