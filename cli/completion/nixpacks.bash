# bash completion of nixpacks

_nixpacks() {
	local cur i line kind words=() candidates=()
	# bash takes --flag=value and K:V apart at = and :, and replaces the last part alone
	for ((i = 1; i <= COMP_CWORD; i++)); do
		line=${COMP_WORDS[i]}
		if ((${#words[@]})) && { [[ $line == [=:]* ]] || { [[ ${COMP_WORDS[i - 1]} == [=:] ]] && ((i > 1)); }; }; then
			words[${#words[@]} - 1]+=$line
		else
			words+=("$line")
		fi
	done
	cur=${words[${#words[@]} - 1]}
	{
		read -r kind
		while IFS= read -r line; do
			candidates+=("${line%%$'\t'*}")
		done
	} < <("$1" __complete -- "${words[@]}" 2>/dev/null)
	local kept=${cur%"${cur##*[=:]}"}
	[[ $COMP_WORDBREAKS == *=* ]] || kept=
	cur=${cur#"$kept"}
	COMPREPLY=("${candidates[@]#"$kept"}")
	((${#candidates[@]})) || COMPREPLY=()
	[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
	case $kind in
	dirs) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$cur") ;;
	files) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur") ;;
	*) return ;;
	esac
	compopt -o filenames 2>/dev/null
}
complete -F _nixpacks nixpacks
