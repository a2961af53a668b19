"""Base images of other releases of Debian: what programs of before start their images from."""

import subprocess

from tests.checkout import CHECKOUT

# As the set-up gets the present one, whatever day its packages are of.
_PROVIDE = """
source toolchain/lib.sh
BASE_IMAGE=$1 PACKAGES_DATE=2000-01-01
docker image inspect "$BASE_IMAGE" >/dev/null 2>&1 || limit 300 docker pull --quiet "$BASE_IMAGE" ||
    base_image_build
"""


def provide(name: str) -> None:
    """Have an image debian:SUITE-slim: pulled, else made from Debian's packages, in a minute."""
    subprocess.run(
        ("bash", "-c", _PROVIDE, "provide", name),
        cwd=CHECKOUT,
        check=True,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
