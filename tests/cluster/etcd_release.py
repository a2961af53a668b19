"""Releases of etcd beside the pinned one: downloaded, else built from Go modules."""

import os
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pulumi

from fleet_cluster._bundle import cache
from fleet_cluster._etcd_release import etcd_archive
from fleet_cluster.images import own_processor

MODULES = {"etcd": "server", "etcdctl": "etcdctl", "etcdutl": "etcdutl"}
"""Programs, and where etcd's modules have them."""


def provide(version: str) -> None:
    """Have a release where the program looks for it. To build one takes two minutes."""
    processor = own_processor()
    try:
        etcd_archive(processor, version)
    except pulumi.RunError:
        name = f"etcd-v{version}-linux-{processor}"
        with TemporaryDirectory() as folder:
            _build(version, processor, Path(folder, name))
            packed = Path(folder, f"{name}.tar.gz")
            with tarfile.open(packed, "w:gz") as archive:
                archive.add(Path(folder, name), name)
            packed.replace(cache() / "etcd" / packed.name)


def _build(version: str, processor: str, folder: Path) -> None:
    modules = [f"go.etcd.io/etcd/{module}/v3" for module in MODULES.values()]
    folder.mkdir()
    _go(folder, "mod", "init", "etcd")
    _go(folder, "get", *(f"{module}@v{version}" for module in modules))
    for program, module in zip(MODULES, modules, strict=True):
        options = ("-trimpath", "-ldflags=-s -w", "-o", program)
        _go(folder, "build", *options, module, GOOS="linux", GOARCH=processor)


def _go(folder: Path, *arguments: str, **env: str) -> None:
    subprocess.run(
        ("go", *arguments), cwd=folder, env={**os.environ, "CGO_ENABLED": "0", **env}, check=True
    )
