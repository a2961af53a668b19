#!/usr/bin/env bash
# Docker 20.10.24: a layer that two repositories of a registry share is compressed and uploaded for
# each of them when both are pushed at the same time; one after the other, the second mounts it.
#
# Guess: an engine does with a layer's content what it has done already, or waits for it: both
# repositories are in one registry, and the layer has one digest.
# Seen: pushed at once, the registry gets the layer's bytes twice, and dockerd needs a processor for
# both. Pushed one after the other, the second asks to mount it and uploads nothing.
# So: of images that share a base, one is pushed before the others.
set -euo pipefail

readonly packages=(docker.io=20.10.24+dfsg1-1+deb12u1+b6 docker-registry=2.8.2+ds1-1
  containerd=1.6.20~ds1-1+deb12u3 runc=1.1.5+ds1-1+deb12u1)
readonly port=5993 megabytes=48

if [[ $# == 0 ]]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  here=$(realpath "$0")
  cd "$folder"
  apt-get download -qq "${packages[@]}" || { echo "Debian 12's archive does not answer" >&2; exit 2; }
  for package in ./*.deb; do dpkg -x "$package" root; done
  # In a network of its own: an engine without a bridge removes the bridge of the one that is there.
  unshare --net bash "$here" "$folder"
  exit
fi

folder=$1
running=()
finish() {
  for pid in "${running[@]}"; do kill "$pid" && wait "$pid" || true; done
}
trap finish EXIT
cd "$folder"
PATH=$folder/root/usr/bin:$folder/root/usr/sbin:$PATH
ip link set lo up
dockerd --version

cat >registry.yml <<YAML
version: 0.1
log: {accesslog: {disabled: true}, level: info}
storage: {filesystem: {rootdirectory: $folder/blobs}}
http: {addr: "127.0.0.1:$port"}
YAML

# begin FILE: a registry without images, which writes down what it is asked.
begin() {
  rm -rf blobs
  docker-registry serve registry.yml >"$1" 2>&1 &
  running+=($!)
  until curl --silent --fail --output registry.out "http://127.0.0.1:$port/v2/"; do sleep 0.1; done
}

end() {
  kill "${running[-1]}" && wait "${running[-1]}" || true
  unset 'running[-1]'
}

# uploaded FILE: how many uploads of the shared layer have come to their end.
uploaded() {
  grep --count "method=PUT .*digest=sha256%3A${digest#sha256:}" "$1" || true
}

dockerd --host "unix://$folder/engine.sock" --data-root "$folder/data" --exec-root "$folder/exec" \
  --pidfile "$folder/engine.pid" --bridge none --iptables=false >engine.log 2>&1 &
running+=($!)
export DOCKER_HOST=unix://$folder/engine.sock
until docker info >docker.out 2>&1; do sleep 0.2; done

# Text that takes time to compress, and a second layer for each image.
mkdir base
head -c "${megabytes}M" /dev/urandom | base64 >base/text
tar --create --directory=base . | docker import - base >imported
for name in one two; do
  printf 'FROM base\nCOPY file /\n' >"$name.dockerfile"
  mkdir "$name" && echo "$name" >"$name/file"
  docker build --quiet --file "$name.dockerfile" --tag "127.0.0.1:$port/$name" "$name" >built 2>&1
done

begin after.log
for name in one two; do docker push --quiet "127.0.0.1:$port/$name" >pushed; done
digest=$(curl --silent --header 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
  "http://127.0.0.1:$port/v2/one/manifests/latest" | grep --only-matching 'sha256:[0-9a-f]*' | sed -n 2p)
end
begin at-once.log
docker push --quiet "127.0.0.1:$port/one" >pushed.one &
docker push --quiet "127.0.0.1:$port/two" >pushed.two
wait $!
end

echo "the shared layer is $digest"
echo "one after the other: uploaded $(uploaded after.log) times"
echo "at the same time: uploaded $(uploaded at-once.log) times"
[[ $(uploaded after.log) == 1 && $(uploaded at-once.log) == 2 ]]
