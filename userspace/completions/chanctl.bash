# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# chanctl in bash: what may stand next is for @libexecdir@/complete to say.

_chanctl() {
	local line=${COMP_LINE:0:COMP_POINT} words word=''
	local -a list=()

	# As the shell splits them, but not at = and :, which belong to a word here.
	read -ra words <<<"$line"
	[[ $line == *[[:blank:]] ]] || { word=${words[-1]}; unset 'words[-1]'; }
	while IFS=$'\t' read -r candidate _; do
		[[ $candidate != "$word"* ]] || list+=("$candidate")
	done < <(@libexecdir@/complete "${words[@]:1}" "$word")
	[[ ${#list[@]} != 1 || ${list[0]} != *= ]] || compopt -o nospace 2>/dev/null

	# What stands before the last = or :, the shell has already, if it splits there.
	local before=
	case $COMP_WORDBREAKS in
	*=*:* | *:*=*) before=${word%"${word##*[=:]}"} ;;
	*=*) before=${word%"${word##*=}"} ;;
	*:*) before=${word%"${word##*:}"} ;;
	esac
	COMPREPLY=("${list[@]#"$before"}")
}

complete -o bashdefault -o default -F _chanctl chanctl
