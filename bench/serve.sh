#!/usr/bin/env bash
# SPDX-License-Identifier: BSL-1.0
#
# serve.sh PORT [DIR]: nginx on https://127.0.0.1:PORT, which answers every request with a room of about 300 bytes.
# DIR (a fresh temporary folder by default) receives the certificates; the CA to trust is DIR/ca.pem.
# Stays in the foreground as one process, until it is terminated.
set -euo pipefail

if [[ $# -lt 1 || $# -gt 2 || ! $1 =~ ^[0-9]+$ ]]; then
    echo "usage: $0 PORT [DIR]" >&2
    exit 2
fi
port=$1
dir=${2:-$(mktemp -d)}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

nginx=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx) || {
    echo "$0: nginx is not installed" >&2
    exit 1
}

if [[ ! -f $dir/server.pem ]]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Benchmark CA" \
        -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
        -keyout "$dir/server.key" -out "$dir/server.csr" 2>/dev/null
    printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n' >"$dir/server.ext"
    openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 30 \
        -extfile "$dir/server.ext" -out "$dir/server.pem" 2>/dev/null
fi

room='{"id":48213,"roomId":"@ID@","name":"Final of the benchmark cup","about":"Kick-off at 20:00. Everybody who'
room+=' measures is welcome.","isSpeak":false,"status":"SOON","startTime":"2026-12-31 20:00:00","endTime":"2026-12-31'
room+=' 23:00:00","pic":null,"createdAt":"2026-11-02T09:14:07.512Z","updatedAt":"2026-11-02T09:14:07.512Z"}'

# A get returns the id that the path names. nginx does not read a create's body, and the library refuses a response about
# another room: the response to a create has a member of the same size instead of the id.
get=${room//@ID@/\$room_id}
post=${room//\"roomId\":\"@ID@\"/\"serverId\":\"srv-1\"}
sed -e "s|@DIR@|$dir|g" -e "s|@PORT@|$port|g" -e "s|@GET@|$get|g" -e "s|@POST@|$post|g" "$here/server/nginx.conf.in" >"$dir/nginx.conf"
echo "https://127.0.0.1:$port --ca $dir/ca.pem" >&2
exec "$nginx" -e stderr -p "$dir" -c "$dir/nginx.conf"
