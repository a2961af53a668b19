#!/usr/bin/env bash
# moto's ECR: the digest of an image is made from its layers alone.
#
# Guess: as in every registry, and as Docker and OCI define it, an image's digest is the SHA-256 of
# its manifest, so that another configuration (command, environment, labels) is another digest.
# Seen in moto 5.2.5: two manifests with the same layers and other configurations get one digest,
# which is the SHA-256 of neither. A digest that the caller gives (imageDigest) is kept.
# So: a program that deploys by digest sees no change in moto where there is one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "moto[ecr]==5.2.5" boto3==1.44.5

AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none "$folder/venv/bin/python" - <<'PYTHON'
import hashlib
import json

import boto3
import moto

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = {
    "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
    "size": 32,
    "digest": f"sha256:{'2' * 64}",
}


def manifest(config: str) -> str:
    about = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 10}
    digest = f"sha256:{config * 64}"
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {**about, "digest": digest},
            "layers": [LAYER],
        }
    )


with moto.mock_aws():
    ecr = boto3.client("ecr", region_name="eu-central-1")
    ecr.create_repository(repositoryName="app")
    digests = []
    for tag, config in (("one", "0"), ("two", "1")):
        text = manifest(config)
        put = ecr.put_image(repositoryName="app", imageManifest=text, imageTag=tag)
        digests.append(put["image"]["imageId"]["imageDigest"])
        own = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        print(f"{tag}: moto says {digests[-1][:19]}, the manifest is {own[:19]}")
        assert digests[-1] != own, "moto hashes the manifest now"
    assert digests[0] == digests[1], "moto tells two configurations apart now"
print(f"moto {moto.__version__}: two manifests with the same layers are one image")
PYTHON
