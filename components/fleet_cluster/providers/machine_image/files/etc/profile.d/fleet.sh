# The machine's address and id, and etcdctl's endpoints and certificates.
if [ -r /etc/fleet/environment ]; then
    set -a
    . /etc/fleet/environment
    set +a
fi
