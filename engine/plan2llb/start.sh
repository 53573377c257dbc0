# The first process of the image: it runs `/bin/bash -l -c COMMAND` and passes signals on to it. The kernel keeps from
# process 1 every signal that it has no handler for, and shells keep signals from what they run: so an app that is
# asked to end would not hear of it. Arguments: -c COMMAND [NAME [ARGUMENT…]], as bash itself takes them.

shift
# A second shell, which waits for nothing else, says how the app ended. The first cannot tell: a signal that comes in the very
# moment of that end, as from a terminal, which tells everybody, makes `wait` forget it. Bash has what it starts in this
# way ignore INT and QUIT.
exec {stdin}<&0 {stdout}>&1 {report}< <(
	trap : HUP INT QUIT TERM USR1 USR2
	(trap - INT QUIT && exec /bin/bash -l -c "$@") <&"$stdin" >&"$stdout" {stdin}<&- {stdout}>&-
	echo $?
)
holder=$!
exec {stdin}<&- {stdout}>&-

is_shell() { [[ /proc/$1/exe -ef /bin/bash || /proc/$1/exe -ef /bin/sh ]]; }

# below adds to `told` what process $1 started: its children if $2 says so, and the children of shells below it.
below() {
	local p
	for p in ${children[$1]}; do
		if [[ $2 ]]; then told+=("$p"); fi
		if [[ $everybody ]] || is_shell "$p"; then below "$p" yes; else below "$p" ""; fi
	done
}

# pass hands signal $1 to the app. One that asks it to end goes past shells to what they run: programs that start others
# themselves pass it on as they see fit. But INT goes to everybody, as from a terminal: npm, for one, trusts that what it
# runs has had it too.
pass() {
	local stat line words p everybody=
	local -A children=()
	heard=yes
	if [[ -t 0 && $1 == @(INT|QUIT) ]]; then # the terminal has told everybody
		return
	fi
	for stat in /proc/[0-9]*/stat; do
		read -r line <"$stat" || continue
		words=(${line##*) })
		children[${words[1]}]+=" ${line%% *}"
	done
	told=()
	if [[ $1 == @(HUP|USR1|USR2) ]]; then
		for p in ${children[$holder]}; do
			is_shell "$p" || kill -s "$1" "$p"
		done
		return
	fi
	if [[ $1 == INT ]]; then everybody=yes; fi
	below $$ yes
	kill -s "$1" "${told[@]}"
} 2>/dev/null
for signal in HUP INT QUIT TERM USR1 USR2; do trap "pass $signal" "$signal"; done

# A signal ends the wait, too.
until heard=; wait "$holder"; ended=$?; [[ ! $heard ]]; do :; done
read -r status <&"$report" || status=$ended # the second shell was killed

# What a shell started may take longer than the shell itself.
for p in "${told[@]}"; do
	while kill -0 "$p" 2>/dev/null && sleep 0.05; do :; done
done
exit "$status"
