# Login shells of root, which are what runs build and start commands: what Nix packages export, and the directories
# that a Dockerfile or a plan puts in front of PATH. As in Nixpacks' own base, the working directory is in PATH where
# those end in a colon, or there are none.
if [ "$BASH" ] && [ -f ~/.bashrc ]; then
	. ~/.bashrc
fi
mesg n 2>/dev/null || true
for nix_file in "$HOME"/.nix-profile/etc/profile.d/*.sh; do
	if [ -r "$nix_file" ]; then
		. "$nix_file"
	fi
done
unset nix_file
PATH=$NIXPACKS_PATH:$PATH
