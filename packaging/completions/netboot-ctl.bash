# SPDX-License-Identifier: GPL-3.0-or-later
# bash completion of netboot-ctl(1). Words and options come from the program itself, names from the
# server; a server that does not answer completes nothing and says nothing.

_netboot_ctl_names() {
	case $1 in
	HOST | HOSTS | "[HOSTS]") set -- host list ;;
	"HOST|JOB" | "HOST|JOB|BOOT" | "BOOT|JOB|HOST") set -- host list ;;
	SITE) set -- site list ;;
	IMAGE) set -- image list ;;
	JOB) set -- job list ;;
	MAC) set -- discovered list ;;
	TOKEN) set -- token list ;;
	WEBHOOK) set -- webhook list ;;
	SCHEDULE | "[SCHEDULE]") set -- schedule list ;;
	ROLLOUT) set -- rollout list ;;
	DRILL) set -- drill list ;;
	*) return ;;
	esac
	timeout 2 netboot-ctl "${_netboot_server[@]}" --no-headers -o table "$@" 2>/dev/null |
		awk '{ print $1 }'
}

# readline splits words at colons: the one before the cursor as a whole, and where it begins.
_netboot_ctl_whole() {
	first=$COMP_CWORD whole=${COMP_WORDS[COMP_CWORD]}
	while ((first > 1)) && [[ ${COMP_WORDS[first]} == : || ${COMP_WORDS[first - 1]} == : ]]; do
		whole=${COMP_WORDS[--first]}$whole
	done
}

# The words before the cursor that choose the command, without options and their values.
_netboot_ctl_scan() {
	local i word
	words_before=() _netboot_server=()
	for ((i = 1; i < first; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--server)
			[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
			_netboot_server=(--server "${COMP_WORDS[++i]}")
			# readline splits unix:PATH at the colon.
			if [[ ${COMP_WORDS[i + 1]} == : ]]; then
				_netboot_server[1]+=:${COMP_WORDS[i + 2]}
				((i += 2))
			fi
			;;
		-o | -f) ((i++)) ;;
		-* | = | :) ;;
		*) [[ ${COMP_WORDS[i - 1]} == [=:] ]] || words_before+=("$word") ;;
		esac
	done
}

_netboot_ctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} word list=() files=()
	local words_before _netboot_server hosts='' before='' first whole='' colons=''
	COMPREPLY=()
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	_netboot_ctl_whole
	_netboot_ctl_scan
	case $prev in
	-f | --file | --bmc-password-file | --bmc-kg-file | --token-file | --ca-file | --template | --images-root)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-o) prev=--output ;;
	esac
	case $prev in
	--host | --hosts) list=($(_netboot_ctl_names HOSTS)) hosts=1 ;;
	--schedule) list=($(_netboot_ctl_names SCHEDULE)) ;;
	--to) list=($(_netboot_ctl_names HOST)) ;;
	--site) list=($(_netboot_ctl_names SITE)) ;;
	--image) list=($(_netboot_ctl_names IMAGE)) ;;
	--job) list=($(_netboot_ctl_names JOB)) ;;
	--output) list=(table wide json ndjson) ;;
	--*)
		list=($(netboot-ctl __complete "${words_before[@]}" "$prev" 2>/dev/null))
		# Free text such as a reason has no completions; --wait takes its value inline only.
		[[ ${list[0]} == *[A-Z]* && $prev != --wait ]] && return
		[[ ${list[0]} == *[A-Z]* ]] && list=()
		;;
	esac
	if [[ ${#list[@]} -eq 0 ]]; then
		while read -r word; do
			case $word in
			@SOURCE) [[ $cur == -* ]] || mapfile -t files < <(compgen -f -- "$cur") ;;
			@*)
				[[ $word == *HOSTS* ]] && hosts=1
				[[ $word == @MAC && $whole == *:* ]] && colons=1
				list+=($(_netboot_ctl_names "${word#@}"))
				;;
			--*) [[ $cur == -* ]] && list+=("$word") ;;
			*) list+=("$word") ;;
			esac
		done < <(netboot-ctl __complete "${words_before[@]}" 2>/dev/null)
	fi
	# A host set goes on behind a comma, and may leave hosts out.
	if [[ -n $hosts && $cur == *,* ]]; then
		before=${cur%"${cur##*,}"} cur=${cur##*,}
		[[ $cur == -* ]] && before+=- cur=${cur#-}
	fi
	[[ -n $colons ]] && cur=$whole
	mapfile -t COMPREPLY < <(compgen -P "$before" -W "${list[*]}" -- "$cur")
	# What stands before the last colon is not readline's to replace.
	[[ -n $colons ]] && COMPREPLY=("${COMPREPLY[@]#"${whole%"${whole##*:}"}"}")
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
	# As they are, blanks and all.
	if [[ ${#files[@]} -gt 0 ]]; then
		COMPREPLY+=("${files[@]}")
		compopt -o filenames
	fi
	return 0
}

complete -F _netboot_ctl netboot-ctl
