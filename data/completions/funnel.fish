# SPDX-License-Identifier: GPL-3.0-or-later
# fish completion for funnel(1). What a word can be is the program's to say: funnel __complete.

function __funnel_complete
    set -l words (commandline -opc)
    set -l begun (commandline -ct)
    set -e words[1]
    set -l lines (funnel __complete -- $words "$begun" 2>/dev/null)
    set -l prefix (string match -r -- '^--[^=]*=' "$begun")
    set -l value (string replace -r -- '^--[^=]*=' '' "$begun")
    switch "$lines[1]"
        case ':files'
            __fish_complete_path "$value" | string replace -r -- '^' "$prefix"
        case ':folders'
            __fish_complete_directories "$value" | string replace -r -- '^' "$prefix"
        case ':users'
            __fish_complete_users | string replace -r -- '^' "$prefix"
        case ':groups'
            __fish_complete_groups | string replace -r -- '^' "$prefix"
        case ':commands'
            __fish_complete_command
        case '*'
            printf '%s\n' $lines
    end
end

complete -c funnel -f -a '(__funnel_complete)'
