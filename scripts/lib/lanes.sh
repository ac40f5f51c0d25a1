# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Jobs side by side: a guest has work for about one processor, so that one job after
# the other leaves half a machine idle. Each job's output is kept and printed in one
# piece when it ends. Needs common.sh.

# Running jobs, by process.
lanes_job=()

# lanes_run LANES FILLER RUN DONE MAY_START JOB...: LANES jobs at a time, started in
# order. "RUN JOB" is called in a sub-shell whose output goes to a file, "DONE JOB
# FILE STATUS" in this shell when it has ended. "MAY_START JOB RUNNING..." says
# whether a job may run beside those; one that may not lets the next one pass. Of
# the jobs, FILLER (if it is among them) takes no lane: it runs from the start with
# what the others leave of the processors.
lanes_run() {
	local lanes=$1 filler=$2 run=$3 end=$4 may=$5 waiting=() used=0 pid status job
	shift 5
	mkdir -p "$DACC_BUILD/lanes"
	trap 'lanes_stop; exit 130' INT TERM HUP
	for job; do
		if [ "$job" = "$filler" ]; then
			lanes_start "$run" "$job" 19
		else
			waiting+=("$job")
		fi
	done
	while :; do
		while [ $used -lt "$lanes" ] && lanes_next "$may" "${waiting[@]}"; do
			lanes_start "$run" "${waiting[LANES_NEXT]}" 0
			unset "waiting[LANES_NEXT]"
			waiting=("${waiting[@]}")
			used=$((used + 1))
		done
		[ ${#lanes_job[@]} -gt 0 ] || break
		status=0 pid=
		wait -n -p pid || status=$?
		# Somebody else's child, or a signal.
		if [ -z "${pid:-}" ] || [ -z "${lanes_job[pid]:-}" ]; then
			continue
		fi
		job=${lanes_job[pid]}
		unset "lanes_job[pid]"
		[ "$job" = "$filler" ] || used=$((used - 1))
		"$end" "$job" "$(lanes_file "$job")" $status
		[ ${#lanes_job[@]} = 0 ] || say "still running: ${lanes_job[*]}"
	done
	trap - INT TERM HUP
}

lanes_file() { printf '%s\n' "$DACC_BUILD/lanes/${1//\//.}.log"; }

# lanes_next MAY_START JOB...: sets LANES_NEXT to the place of the first that may start.
lanes_next() {
	local may=$1
	shift
	LANES_NEXT=0
	while [ $# -gt 0 ]; do
		! "$may" "$1" "${lanes_job[@]}" || return 0
		LANES_NEXT=$((LANES_NEXT + 1))
		shift
	done
	return 1
}

# lanes_start RUN JOB NICENESS: in a process group of its own, so that it can be ended.
lanes_start() {
	local run=$1 job=$2 nice=$3
	say "$job: started"
	set -m
	(
		set +m
		trap - INT TERM HUP
		[ "$nice" = 0 ] || renice -n "$nice" -p "$BASHPID" >/dev/null 2>&1 || true
		"$run" "$job"
	) >"$(lanes_file "$job")" 2>&1 </dev/null &
	lanes_job[$!]=$job
	set +m
}

lanes_stop() {
	local pid
	for pid in "${!lanes_job[@]}"; do
		kill -TERM -- "-$pid" 2>/dev/null || true
	done
}
