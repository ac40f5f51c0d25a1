# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Private apt states, one per suite, so that a suite's candidate is never in
# doubt and the system's own sources and lists stay untouched. The mirror is the
# one this machine already uses.

# Prints "URI<TAB>SUITE<TAB>KEYRING" for each binary source of the machine.
apt_machine_sources() {
	local parts=/etc/apt/sources.list.d files=() f
	[ -f /etc/apt/sources.list ] && files+=(/etc/apt/sources.list)
	for f in "$parts"/*.list "$parts"/*.sources; do
		[ -f "$f" ] && files+=("$f")
	done
	[ ${#files[@]} -gt 0 ] || return 0
	awk '
	function flush(  i, j, n, m, u, s) {
		if (types ~ /(^| )deb( |$)/ && enabled != "no") {
			n = split(uris, u, " "); m = split(suites, s, " ")
			for (i = 1; i <= n; i++)
				for (j = 1; j <= m; j++)
					printf "%s\t%s\t%s\n", u[i], s[j], key
		}
		types = uris = suites = key = enabled = ""
	}
	FNR == 1 { flush() }
	/^[[:space:]]*#/ { next }
	FILENAME ~ /\.sources$/ {
		if ($0 ~ /^[[:space:]]*$/) { flush(); next }
		field = tolower($1); value = $0; sub(/^[^:]*:[[:space:]]*/, "", value)
		if (field == "types:") types = value
		else if (field == "uris:") uris = value
		else if (field == "suites:") suites = value
		else if (field == "enabled:") enabled = tolower(value)
		else if (field == "signed-by:" && value ~ /^\//) key = value
		next
	}
	$1 == "deb" {
		k = ""; line = $0
		if (match(line, /\[[^]]*\]/)) {
			o = substr(line, RSTART + 1, RLENGTH - 2)
			line = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
			if (match(o, /signed-by=[^ ]+/))
				k = substr(o, RSTART + 10, RLENGTH - 10)
		}
		n = split(line, w, " ")
		if (n >= 3) printf "%s\t%s\t%s\n", w[2], w[3], k
	}
	END { flush() }' "${files[@]}"
}

apt_codename() {
	# shellcheck source=/dev/null
	(. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:-}")
}

# The archive the machine gets its own release from: "URI<TAB>KEYRING".
apt_mirror() {
	local codename found
	codename=$(apt_codename)
	found=$(apt_machine_sources | awk -F '\t' -v c="$codename" \
		'$2 == c || $2 == "stable" { print $1 "\t" $3; exit }')
	[ -n "$found" ] || die 1 \
		"no Debian mirror for '$codename' in /etc/apt/sources.list or /etc/apt/sources.list.d" \
		"add your distribution's usual apt source, then run this again"
	printf '%s\n' "$found"
}

apt_options() {
	local dir=$1
	APT_OPTS=(
		-o "Dir::Etc::sourcelist=/dev/null"
		-o "Dir::Etc::sourceparts=$dir/sources"
		-o "Dir::Etc::preferences=/dev/null"
		-o "Dir::Etc::preferencesparts=/dev/null"
		-o "Dir::State::Lists=$dir/lists"
		-o "Dir::Cache=$dir/cache"
		-o "APT::Sandbox::User=root"
		-o "APT::Architecture=amd64"
		-o "APT::Get::List-Cleanup=false"
		-o "Acquire::Languages=none"
		-o "Acquire::Retries=3"
		-o "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false"
		-o "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false"
	)
}

apt_update() {
	local dir=$1 what=$2
	say "downloading the package lists of $what"
	if ! apt-get "${APT_OPTS[@]}" -q update >"$dir/update.log" 2>&1 ||
		! compgen -G "$dir/lists/*_Packages*" >/dev/null; then
		tail -n 8 "$dir/update.log" >&2
		die 1 "cannot download the package lists of $what" \
			"check the network and proxy (apt-get update must work), then run this again" \
			"log: $dir/update.log"
	fi
	touch "$dir/updated"
}

# apt_state SUITE [max age in minutes]: makes the state, sets APT_OPTS.
apt_state() {
	local suite=$1 age=${2:-1440} dir=$DACC_CACHE/apt/$1 mirror uri key
	mkdir -p "$dir/sources" "$dir/lists/partial" "$dir/cache/archives/partial"
	mirror=$(apt_mirror)
	uri=${mirror%%$'\t'*} key=${mirror#*$'\t'}
	[ -n "$key" ] || key=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -f "$key" ] || die 1 "the archive's key ring $key is missing" \
		"run: apt-get install debian-archive-keyring"
	# Another run may be reading it.
	printf 'Types: deb deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
		"$uri" "$suite" "$key" >"$dir/dacc.sources.$BASHPID"
	mv -f "$dir/dacc.sources.$BASHPID" "$dir/sources/dacc.sources"
	[ -f "$dir/status" ] || : >"$dir/status"
	apt_options "$dir"
	# Nothing counts as installed: only the suite's own candidates matter.
	APT_OPTS+=(-o "Dir::State::status=$dir/status")
	if apt_stale "$dir" "$age"; then
		with_lock "apt-$suite" apt_update_once "$dir" "$suite" "$age" || exit 1
	fi
}

# apt_stale DIR AGE
apt_stale() {
	[ ! -f "$1/updated" ] || [ -n "$(find "$1/updated" -mmin "+$2")" ]
}

# apt_update_once DIR SUITE AGE: unless another run has done it meanwhile.
apt_update_once() {
	! apt_stale "$1" "$3" || apt_update "$1" "$2"
}

# apt_candidate SUITE PACKAGE: the version the suite offers.
apt_candidate() {
	local version
	apt_state "$1"
	version=$(apt-cache "${APT_OPTS[@]}" show --no-all-versions "$2" 2>/dev/null |
		sed -n 's/^Version: //p' | head -n 1)
	[ -n "$version" ] || die 1 "$1 has no package '$2'" \
		"the suite may have rolled: remove $DACC_CACHE/apt/$1 and run this again"
	printf '%s\n' "$version"
}

# apt_depends SUITE PACKAGE PATTERN: first direct dependency that matches.
apt_depends() {
	apt_state "$1"
	apt-cache "${APT_OPTS[@]}" show --no-all-versions "$2" 2>/dev/null |
		sed -n 's/^Depends: //p' | tr ',' '\n' |
		sed 's/^ *//; s/[ (].*//' | grep -E -m 1 -- "$3"
}

apt_download_once() {
	(cd "$1" && shift && apt-get "${APT_OPTS[@]}" -q "$@") >"$1/download.log" 2>&1
}

# apt_get_files SUITE DIR (download PACKAGE... | source --download-only NAME)
# Lists that went stale are refreshed once before giving up.
apt_get_files() {
	local suite=$1 dir=$2
	shift 2
	mkdir -p "$dir"
	apt_state "$suite"
	say "downloading from $suite: ${*: -$(($# > 1 ? $# - 1 : 1))}"
	apt_download_once "$dir" "$@" && return 0
	apt_state "$suite" 0
	apt_download_once "$dir" "$@" && return 0
	tail -n 8 "$dir/download.log" >&2
	die 1 "cannot download from $suite: ${*:2}" \
		"check the network, the proxy and the free space ($(df -h --output=avail "$dir" | tail -n 1 | tr -d ' ') left in $dir), then run this again"
}

# apt_unpack SUITE DIR PACKAGE...: packages of the suite unpacked under DIR
# (which appears only when complete).
apt_unpack() {
	local suite=$1 dir=$2 tmp=$2.tmp.$$ deb
	shift 2
	rm -rf "$tmp"
	mkdir -p "$tmp/debs" "$tmp/root"
	apt_get_files "$suite" "$tmp/debs" download "$@"
	for deb in "$tmp"/debs/*.deb; do
		dpkg -x "$deb" "$tmp/root" || die 1 "cannot unpack $deb" \
			"check the free space on $dir, then run this again"
	done
	rm -rf "$dir"
	mv "$tmp/root" "$dir"
	rm -rf "$tmp"
}
