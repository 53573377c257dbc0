#!/bin/sh
# The second stage: installs the packages of a Debian base, inside its own file system. The essential ones are unpacked
# already, so that dpkg runs, but are not installed.
set -eu
cd "$(dirname "$0")"
umask 022

# dpkg says much about packages that are not there yet, and all is well: it is shown only if it fails.
install() {
	if ! dpkg "$@" >log 2>&1; then
		cat log >&2
		exit 1
	fi
}

ln -sf mawk /usr/bin/awk # until its alternative is set: scripts of the essential packages call it
mkdir -p /tmp /var/tmp
chmod 1777 /tmp /var/tmp

first=yes
while read -r batch; do
	set --
	for name in $batch; do
		set -- "$@" "$name.deb"
	done
	if [ $first = yes ]; then
		# Users and directories before the packages that give files to those users.
		install --force-depends --install base-passwd.deb
		install --force-depends --install base-files.deb
		install --force-depends --install "$@"
		first=no
	else
		install --install "$@"
	fi
done <order

wrong=$(dpkg --audit)
if [ -n "$wrong" ]; then
	echo "$wrong" >&2
	exit 1
fi
