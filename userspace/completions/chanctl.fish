# SPDX-License-Identifier: GPL-2.0
# chanctl in fish: what may stand next is for @libexecdir@/complete to say.

function __chanctl_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	set -l list (@libexecdir@/complete $words[2..-1] "$current")

	if set -q list[1]
		printf '%s\n' $list
	else
		__fish_complete_path "$current"
	end
end

complete -c chanctl -f -a '(__chanctl_complete)'
