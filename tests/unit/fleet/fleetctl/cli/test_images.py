"""The images that a unit file names, for the history."""

import pytest

from fleet_cluster.fleet.fleetctl.releases.images import images_in

DIGEST = "@sha256:" + "9f" * 32


@pytest.mark.parametrize(
    ("command", "images"),
    [
        ("/usr/bin/docker run --rm nginx", ["nginx"]),
        ("-/usr/bin/podman run -d --name web -p 80:80 -v /a:/b:ro web:1.2 --port 80", ["web:1.2"]),
        ("docker run -it --env A=b/c --memory=64m reg:5000/a/b:c d/e:f", ["reg:5000/a/b:c"]),
        (f"docker create --init \\\n  --network host \\\n  10.0.0.2:5000/web{DIGEST}", None),
        ("/bin/sh -c 'exec docker run --group-add \"$$(stat --format %%g /x)\" \\\n a/b'", ["a/b"]),
        ("/usr/bin/docker pull busybox:1", ["busybox:1"]),
        ("/usr/bin/docker rm --force web", []),
        ("/usr/bin/docker start --attach web", []),
        ("/usr/bin/echo docker", []),
        ("/usr/bin/docker run --rm", []),
        ("/bin/sleep inf", []),
    ],
)
def test_images_of_a_command(command: str, images: list[str] | None) -> None:
    found = images_in(f"[Service]\nExecStart={command}\n")
    assert found == ([f"10.0.0.2:5000/web{DIGEST}"] if images is None else images)


def test_each_is_named_once_and_in_order() -> None:
    lines = ["ExecStartPre=docker pull b", "ExecStart=docker run b", "ExecStopPost=docker run a"]
    assert images_in("\n".join(["[Service]", "Environment=docker run c", *lines])) == ["b", "a"]


def test_the_image_of_a_quadlet() -> None:
    text = f"[Container]\nImage = reg:5000/web{DIGEST}\nExec=docker run a\nRootImage=/b\n"
    assert images_in(text) == [f"reg:5000/web{DIGEST}"]
