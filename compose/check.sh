#!/bin/sh
# Refuse to start on an address that other machines reach with an example password or without an
# API key.
case "$BIND_ADDRESS" in
    127.*|'[::1]') exit 0 ;;
esac
wanting=$(env | sed -n 's/^\([A-Z_]*\)=.*-example$/\1/p; s/^\(FONTE_API_KEY\)=$/\1/p' | sort | xargs)
[ -z "$wanting" ] && exit 0
echo "other machines reach BIND_ADDRESS=$BIND_ADDRESS: give these values of your own: $wanting" >&2
exit 1
