#!/bin/sh
# pip-install.sh PIP ARGUMENT...: `PIP install ARGUMENT...` that trusts whom this system trusts.
#
# pip's own settings (PIP_*, pip.conf) come first. Older than 24.2 it knows only the authorities that
# it brings: where it was told of no others, it is given the system's. A certificate that is refused
# is called one, with what to set.
set -eu
pip=$1
shift

trusted() {
  for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt \
    /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    if [ -n "$file" ] && [ -s "$file" ]; then
      echo "$file"
      return
    fi
  done
}

if [ -z "${PIP_CERT:-}" ] && ! "$pip" config list 2>/dev/null | grep -q '\.cert='; then
  PIP_CERT=$(trusted)
  if [ -n "$PIP_CERT" ]; then export PIP_CERT; else unset PIP_CERT; fi
fi

# On the screen pip is quiet of what it skipped, and why; with a log it would show its progress there.
said=$(mktemp)
trap 'rm -f "$said"' EXIT
if "$pip" install --quiet --progress-bar off --disable-pip-version-check --log "$said" "$@"; then
  exit 0
fi
if grep -qiE 'certificate verify failed|confirming the ssl certificate|TLS CA certificate' "$said"; then
  echo "The package index's certificate is not trusted here, as behind a company's proxy: install" \
    "the company's authority in the system's trust store, or set PIP_CERT to its PEM file; or set" \
    "PIP_INDEX_URL to a mirror that this machine trusts." >&2
else
  echo "pip could not install: its own settings say which mirror and proxy it uses" \
    "(PIP_INDEX_URL, PIP_PROXY or pip.conf)." >&2
fi
exit 1
