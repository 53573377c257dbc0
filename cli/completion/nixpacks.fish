# fish completion of nixpacks

function __nixpacks_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    set -l kind $answer[1]
    string join \n -- $answer[2..-1]
    set -l kept ''
    if string match -q -- '-*=*' "$current"
        set kept (string replace -r '=.*' = -- "$current")
        set current (string replace -r '^[^=]*=' '' -- "$current")
    end
    switch "$kind"
        case dirs
            for path in (__fish_complete_directories "$current" '')
                echo -- $kept$path
            end
        case files
            for path in (__fish_complete_path "$current")
                echo -- $kept$path
            end
    end
end
complete -c nixpacks -f -a '(__nixpacks_complete)'
