"""`command.remote.CopyToRemote`: files and folders onto another machine, over SFTP."""

import hashlib
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from ..inputs import Problem, SdkType
from ..resource import Context, PluginError, Resource, unique_id
from ..values import Plain, Unknown

if TYPE_CHECKING:
    import paramiko

DIGEST = "__contentDigest"
"""Keeps the content's hash in the state: the SDK drops the one that Pulumi computes."""


class CopyToRemote(Resource):
    """Copies on create and on changes; deletes nothing on the machine, ever."""

    token = "command:remote:CopyToRemote"
    sdk = SdkType("pulumi_command.remote", "CopyToRemote")
    secret_outputs: ClassVar[frozenset[str]] = frozenset({"connection"})

    def check(self, inputs: Plain) -> list[Problem]:
        """Takes local files, local folders and texts that exist."""
        source = inputs.get("source")
        if source is None or isinstance(source, Unknown):
            return []
        if isinstance(source, pulumi.StringAsset):
            return []
        if not isinstance(source, pulumi.FileAsset | pulumi.FileArchive):
            reason = "give a FileAsset, a StringAsset, or a FileArchive of a file or folder."
            return [Problem("source", reason)]
        if not Path(source.path).exists():
            return [Problem("source", f"there is no file or folder {source.path}.")]
        return []

    def replaces(self, name: str) -> bool:
        """A changed trigger replaces, everything else copies again."""
        return name == "triggers"

    def same(self, name: str, old: Plain, new: Plain) -> bool:
        """Compares sources by content; the state keeps a file's path only."""
        return super().same(DIGEST if name == "source" else name, old, new)

    def prepare(self, inputs: Plain) -> Plain:
        """Adds the hash of what is to be copied."""
        source = inputs["source"]
        return {} if isinstance(source, Unknown) else {DIGEST: digest(source)}

    def create(self, context: Context, inputs: Plain) -> tuple[str, Plain]:
        """Copies."""
        _copy(context, inputs)
        return unique_id(""), {}

    def update(self, context: Context, identity: str, state: Plain, inputs: Plain) -> Plain:
        """Copies again when content or destination changed; a new connection alone does not."""
        watched = (DIGEST, "remotePath")
        if any(state.get(name) != inputs.get(name) for name in watched):
            _copy(context, inputs)
        return {}


def digest(source: Any) -> str:
    """Returns a hash of a source's names and contents."""
    result = hashlib.sha256()
    if isinstance(source, pulumi.StringAsset):
        result.update(source.text.encode())
        return result.hexdigest()
    root = Path(source.path)
    files = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
    for file in files:
        name = file.relative_to(root).as_posix() if root.is_dir() else file.name
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        result.update(f"{len(name)}:{name}{content}".encode())
    return result.hexdigest()


def _copy(context: Context, inputs: Plain) -> None:
    from . import ssh

    with ssh.connect(context, inputs["connection"]) as transport:
        client = transport.open_sftp_client()
        try:
            _copy_source(Sftp(client), inputs["source"], inputs["remotePath"])
        except OSError as error:
            where = f"{inputs['connection']['host']}:{inputs['remotePath']}"
            raise PluginError(f"cannot copy to {where}: {error}") from error
        finally:
            client.close()


def _copy_source(sftp: "Sftp", source: Any, remote: str) -> None:
    destination = PurePosixPath(remote)
    if isinstance(source, pulumi.StringAsset):
        if sftp.is_folder(destination):
            raise PluginError(f"remotePath {remote} is a folder: a text needs the path of a file.")
        sftp.write(destination, source.text.encode())
    elif Path(source.path).is_dir():
        inside = destination if source.path.endswith("/") else destination / _name(source.path)
        sftp.copy_folder(Path(source.path), inside)
    else:
        into = sftp.is_folder(destination)
        target = destination / _name(source.path) if into else destination
        sftp.write(target, Path(source.path).read_bytes())


def _name(path: str) -> str:
    return Path(path).resolve().name


class Sftp:
    """The few calls that copying needs. Modes of files are not kept."""

    def __init__(self, client: "paramiko.SFTPClient | None") -> None:
        """Takes the client that a transport opened."""
        if client is None:
            raise PluginError("the server does not offer SFTP, which CopyToRemote needs.")
        self._client = client

    def is_folder(self, path: PurePosixPath) -> bool:
        """Whether there is a folder at the path."""
        try:
            return stat.S_ISDIR(self._client.stat(str(path)).st_mode or 0)
        except FileNotFoundError:
            return False

    def make_folder(self, path: PurePosixPath) -> None:
        """Makes a folder with its parents, where it does not exist."""
        if str(path) in (".", "/") or self.is_folder(path):
            return
        self.make_folder(path.parent)
        self._client.mkdir(str(path))

    def write(self, path: PurePosixPath, content: bytes) -> None:
        """Writes a file, making its folder."""
        self.make_folder(path.parent)
        with self._client.open(str(path), "wb") as file:
            file.set_pipelined(True)
            file.write(content)

    def copy_folder(self, source: Path, destination: PurePosixPath) -> None:
        """Copies a folder's contents into another, overwriting files."""
        self.make_folder(destination)
        for path in sorted(source.rglob("*")):
            target = destination / path.relative_to(source).as_posix()
            if path.is_dir():
                self.make_folder(target)
            else:
                self.write(target, path.read_bytes())
