#compdef nixpacks
# zsh completion of nixpacks

_nixpacks() {
	local kind line
	local -a answer described bare
	answer=("${(@f)$("${words[1]}" __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
	kind=${answer[1]}
	for line in "${(@)answer[2,-1]}"; do
		if [[ $line == *$'\t'* ]]; then
			described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
		elif [[ -n $line ]]; then
			bare+=("$line")
		fi
	done
	(( $#described )) && _describe -t nixpacks nixpacks described
	if (( $#bare )); then
		if [[ ${bare[1]} == *= ]]; then compadd -S '' -a bare; else compadd -a bare; fi
	fi
	[[ $PREFIX == -*=* ]] && compset -P '*='
	case $kind in
	dirs) _files -/ ;;
	files) _files ;;
	esac
}
compdef _nixpacks nixpacks
