# The first process of the image: it runs `/bin/bash -l -c COMMAND` and passes signals on to it. The kernel keeps from
# process 1 every signal that it has no handler for, and shells keep signals from what they run: so an app that is
# asked to end would not hear of it. Arguments: -c COMMAND [NAME [ARGUMENT…]], as bash itself takes them.

shift
# Bash has what it starts in the background ignore these two, and read from nowhere.
(trap - INT QUIT && exec /bin/bash -l -c "$@") <&0 &
app=$!

is_shell() { [[ /proc/$1/exe -ef /bin/bash || /proc/$1/exe -ef /bin/sh ]]; }

# below adds to `told` what process $1 started: its children if $2 says so, and the children of shells below it.
below() {
	local p
	for p in ${children[$1]}; do
		if [[ $2 ]]; then told+=("$p"); fi
		if is_shell "$p"; then below "$p" yes; else below "$p" ""; fi
	done
}

# pass hands signal $1 to the app. One that asks it to end goes past shells to what they run: programs that start others
# themselves pass it on as they see fit.
pass() {
	local stat line words
	local -A children=()
	heard=yes
	if [[ -t 0 && $1 == @(INT|QUIT) ]]; then # the terminal has told everybody
		return
	elif [[ $1 == @(HUP|USR1|USR2) ]]; then
		is_shell "$app" || kill -s "$1" "$app"
		return
	fi
	for stat in /proc/[0-9]*/stat; do
		read -r line <"$stat" || continue
		words=(${line##*) })
		children[${words[1]}]+=" ${line%% *}"
	done
	told=()
	below $$ yes
	kill -s "$1" "${told[@]}"
} 2>/dev/null
for signal in HUP INT QUIT TERM USR1 USR2; do trap "pass $signal" "$signal"; done

# A signal ends the wait, too.
until heard=; wait "$app"; status=$?; [[ ! $heard ]]; do :; done

# What a shell started may take longer than the shell itself.
for p in "${told[@]}"; do
	while kill -0 "$p" 2>/dev/null && sleep 0.05; do :; done
done
exit "$status"
