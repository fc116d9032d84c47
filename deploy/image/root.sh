#!/bin/sh
# Makes a root folder of Debian packages without a shell, a package manager or documents: what programs need to run.
#
# usage: root.sh FOLDER PACKAGE...   (inside Debian, after apt-get update)
#
# Scanners find what is in it at var/lib/dpkg/status.d, where distroless images have it too.
set -eu

root=$1
shift
work=$(mktemp -d)
cd "$work"
mkdir -p "$root/var/lib/dpkg/status.d"
apt-get -o APT::Sandbox::User=root download "$@"
for package in *.deb; do
  name=$(dpkg-deb --field "$package" Package)
  dpkg-deb --extract "$package" one
  # Licences stay, as their texts ask. The rest of the documents, character sets and programs go.
  find one/usr/share/doc -type f ! -name copyright -delete 2>/dev/null || true
  rm -rf one/usr/share/man one/usr/share/locale one/usr/share/lintian one/usr/share/gdb one/usr/share/base-files \
    one/usr/share/common-licenses one/usr/bin one/usr/sbin one/bin one/sbin one/etc/update-motd.d one/usr/lib/*/gconv \
    one/lib/*/gconv one/usr/lib/*/audit one/lib/*/audit one/usr/lib/locale
  cp -a one/. "$root/"
  rm -rf one
  dpkg-deb --field "$package" >"$root/var/lib/dpkg/status.d/$name"
done

# What the packages' scripts would have done.
if [ -d "$root/usr/share/ca-certificates" ]; then
  mkdir -p "$root/etc/ssl/certs"
  find "$root/usr/share/ca-certificates" -name '*.crt' | sort | xargs cat >"$root/etc/ssl/certs/ca-certificates.crt"
  rm -rf "$root/usr/share/ca-certificates"
fi
mkdir -p "$root/etc" "$root/tmp" "$root/usr/local/bin" "$root/home/nonroot"
chmod 1777 "$root/tmp"
printf '%s\n' 'root:x:0:0:root:/root:/sbin/nologin' 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$root/etc/passwd"
printf '%s\n' 'root:x:0:' 'nonroot:x:65532:' >"$root/etc/group"
# Names come from /etc/hosts, then from DNS: hostAliases of a pod count.
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
find "$root" -exec touch --no-dereference --date=@0 {} +
rm -rf "$work"
