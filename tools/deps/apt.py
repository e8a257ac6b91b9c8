"""apt with a private state directory: no root, no change to the machine.

The mirror is derived from the machine's own apt sources (one-line .list and deb822 .sources), with
the machine's keyring and its proxy settings. Another suite of the same distribution ("trixie" on
Debian 12) is read from the same mirror. Everything that comes back was checked by apt against the
signed index.
"""
from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

from .cache import deps_dir, locked, sha256_file

# Settings of the machine that concern how its mirror is reached; hooks and the like stay out.
_KEPT_SETTINGS = re.compile(
    r"^Acquire::(https?|ftp|Retries|Check-Valid-Until|Check-Date|ForceIPv[46]|Max-ValidTime)\b", re.I)

_DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

Say = Callable[[str], None]


class AptError(Exception):
    """One clear sentence: what failed, and what would cure it."""


@dataclass(frozen=True)
class Deb:
    """One binary package as the signed index describes it; filename is below the mirror's root."""

    name: str
    version: str
    filename: str
    sha256: str
    size: int

    @property
    def basename(self) -> str:
        return self.filename.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Source:
    """One entry of the machine's apt sources, without its types."""

    uri: str
    suite: str
    components: str
    signed_by: str
    extra: tuple[tuple[str, str], ...] = ()

    def stanza(self, kind: str) -> str:
        fields = [("Types", kind), ("URIs", self.uri), ("Suites", self.suite)]
        if self.components:
            fields.append(("Components", self.components))
        if self.signed_by:
            fields.append(("Signed-By", self.signed_by))
        fields.extend(self.extra)
        return "".join(f"{name}: {value}\n" for name, value in fields) + "\n"


# ---- the machine's own sources ------------------------------------------------------------------

_PASSED_ON = {"trusted": "Trusted", "check-valid-until": "Check-Valid-Until",
              "check-date": "Check-Date"}


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    """deb822 stanzas with lower-case field names; continuation lines keep their line ends."""
    fields: dict[str, str] = {}
    last = ""
    for line in text.splitlines() + [""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t":
            if last:
                fields[last] += "\n" + line
        else:
            name, _, value = line.partition(":")
            last = name.strip().lower()
            fields[last] = value.strip()


def parse_deb822(text: str) -> list[Source]:
    found = []
    for stanza in _stanzas(text):
        if stanza.get("enabled", "yes").lower() in ("no", "false", "0", "off"):
            continue
        extra = tuple((_PASSED_ON[name], value) for name, value in stanza.items()
                      if name in _PASSED_ON)
        for uri in stanza.get("uris", "").split():
            for suite in stanza.get("suites", "").split():
                found.append(Source(uri, suite, " ".join(stanza.get("components", "").split()),
                                    stanza.get("signed-by", ""), extra))
    return found


_ONE_LINE = re.compile(r"^\s*deb(?:-src)?\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*(.*)$")


def parse_one_line(text: str) -> list[Source]:
    found = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line.split("#", 1)[0])
        if not match:
            continue
        options, uri, suite, components = match.groups()
        pairs = dict(word.split("=", 1) for word in (options or "").split() if "=" in word)
        pairs = {name.lower(): value.replace(",", " ") for name, value in pairs.items()}
        extra = tuple((_PASSED_ON[name], value) for name, value in pairs.items()
                      if name in _PASSED_ON)
        found.append(Source(uri, suite, " ".join(components.split()),
                            pairs.get("signed-by", ""), extra))
    return found


def read_sources(apt_dir: Path) -> list[Source]:
    """All sources below an /etc/apt, each once."""
    found: list[Source] = []
    files = [apt_dir / "sources.list", *sorted(apt_dir.glob("sources.list.d/*"))]
    for path in files:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found += parse_deb822(text) if path.suffix == ".sources" else parse_one_line(text)
    return list(dict.fromkeys(found))


def sources_for(sources: list[Source], own: str, wanted: str) -> list[Source]:
    """The distribution's sources (suite `own`, `own`-updates, `own`-security...) turned to `wanted`.

    Sources of other makers name other suites and drop out. A machine that follows an alias
    ("stable") is understood as well.
    """
    found = []
    for source in sources:
        head, dash, tail = source.suite.partition("-")
        if head not in (own, "stable", "testing", "oldstable") or "backports" in tail:
            continue
        signed_by = source.signed_by
        if wanted != own and not signed_by and _DEBIAN_KEYRING.is_file():
            signed_by = str(_DEBIAN_KEYRING)
        found.append(Source(source.uri, wanted + dash + tail, source.components, signed_by,
                            source.extra))
    return list(dict.fromkeys(found))


def own_suite(os_release: Path = Path("/etc/os-release")) -> str:
    try:
        text = os_release.read_text(encoding="utf-8")
    except OSError:
        text = ""
    match = re.search(r'^VERSION_CODENAME="?([a-z0-9.-]+)"?\s*$', text, re.M)
    return match.group(1) if match else ""


# ---- apt itself ---------------------------------------------------------------------------------

class PrivateApt:
    """One suite of the machine's distribution, with its indices and state below `state_dir`."""

    def __init__(self, state_dir: Path, suite: str | None = None, say: Say = print) -> None:
        self._say = say
        self._dir = Path(state_dir)
        own = own_suite()
        self.suite = suite or own
        if shutil.which("apt-get") is None:
            raise AptError("this machine has no apt-get; " + _deps_dir_advice())
        if not self.suite:
            raise AptError("/etc/os-release names no VERSION_CODENAME, so the release is unknown; "
                           "name the suite, or " + _deps_dir_advice())
        sources = sources_for(read_sources(Path("/etc/apt")), own, self.suite)
        if not sources:
            raise AptError(f"the apt sources in /etc/apt name no mirror for {own or 'this system'}; "
                           "add the distribution's own entry, or " + _deps_dir_advice())
        self._debs_conf = self._write_config("deb", sources)
        self._srcs_conf = self._write_config("deb-src", sources)
        self._index: dict[str, Deb] | None = None

    def update(self, sources: bool = False) -> None:
        """Fetch the index of binary packages (or, sources=True, of source packages)."""
        what = "source packages" if sources else "packages"
        with locked(self._dir / "update", self._say):
            self._say(f"reading the list of {self.suite}'s {what}")
            self._apt("apt-get", ["-q", "update", "-o", "APT::Update::Error-Mode=any"],
                      f"the list of {self.suite}'s {what} could not be read", sources=sources)
            (self._state(sources) / "updated").touch()
        self._index = None

    def closure(self, packages: list[str], exclude: set[str] = frozenset()) -> list[Deb]:
        """The packages and all that they need: Depends and Pre-Depends, no Recommends.

        Of alternatives the first that exists is taken, of the providers of a virtual package the
        first by name. What `exclude` names, and what only that needs, is left out.
        """
        index, depends, providers = self._read_index()
        wanted: dict[str, Deb] = {}
        todo = [(name, "") for name in packages]
        while todo:
            name, why = todo.pop()
            if name in exclude or name in wanted:
                continue
            real = name if name in index else next(iter(sorted(providers.get(name, []))), None)
            if real is None:
                raise AptError(f"{self.suite} has no package {name}{why}; look at its name, or at "
                               "the sources in /etc/apt")
            if real in exclude or real in wanted:
                continue
            wanted[real] = index[real]
            for alternatives in depends[real]:
                if any(one in wanted or one in exclude for one in alternatives):
                    continue
                known = [one for one in alternatives if one in index]
                known += [one for one in alternatives if one in providers]
                todo.append(((known or alternatives)[0], f" (needed by {real})"))
        return [wanted[name] for name in sorted(wanted)]

    def download_debs(self, debs: list[Deb], into: Path) -> list[Path]:
        """Have the debs in `into` under their names in the archive; each one's sha256 is checked."""
        into = Path(into)
        into.mkdir(parents=True, exist_ok=True)
        missing = [deb for deb in debs if not _have(into / deb.basename, deb.sha256)]
        missing = [deb for deb in missing if not _from_deps_dir(deb.basename, deb.sha256, into)]
        if missing:
            total = sum(deb.size for deb in missing) / 1e6
            self._say(f"downloading {len(missing)} packages, {total:.0f} MB")
            with tempfile.TemporaryDirectory(prefix=".new-", dir=into) as temporary:
                self._download(missing, Path(temporary), into)
        return [into / deb.basename for deb in debs]

    def download_orig(self, source_package: str, filename: str, into: Path) -> Path:
        """Have the upstream tarball of a source package, and nothing else of it, in `into`."""
        into = Path(into)
        into.mkdir(parents=True, exist_ok=True)
        state = self._state(True)
        fresh = not (state / "updated").exists()
        if fresh:
            self.update(sources=True)
        versions = self._source_versions(source_package, filename)
        if not versions and not fresh:
            self.update(sources=True)
            versions = self._source_versions(source_package, filename)
        if not versions:
            raise AptError(f"{self.suite} has no source package {source_package} with {filename}; "
                           + _deps_dir_advice(filename))
        self._say(f"downloading {filename}")
        for version in versions[:-1]:
            try:
                return self._download_source(source_package, version, filename, into)
            except AptError:            # a mirror may lack a part of its index: security's, say
                continue
        return self._download_source(source_package, versions[-1], filename, into)

    def _download_source(self, package: str, version: str, filename: str, into: Path) -> Path:
        with tempfile.TemporaryDirectory(prefix=".new-", dir=into) as temporary:
            self._apt("apt-get", ["-q", "source", "--only-source", "--download-only", "--tar-only",
                                  f"{package}={version}"],
                      f"{filename} could not be fetched", sources=True, cwd=Path(temporary),
                      wanted=filename)
            got = Path(temporary) / filename
            if not got.is_file():
                raise AptError(f"apt fetched no {filename} for {package} {version}; "
                               + _deps_dir_advice(filename))
            return got.rename(into / filename)

    # ---- inside

    def _state(self, sources: bool) -> Path:
        return self._dir / ("deb-src" if sources else "deb")

    def _write_config(self, kind: str, sources: list[Source]) -> Path:
        """A complete apt configuration below state/kind; nothing of the machine's own is executed."""
        state = self._dir.absolute() / kind
        for sub in ("lists/partial", "archives/partial", "sources"):
            (state / sub).mkdir(parents=True, exist_ok=True)
        (state / "status").touch()
        _replace(state / "sources" / "mirror.sources",
                 "".join(source.stanza(kind) for source in sources))
        settings = [
            ("Dir::State", state), ("Dir::State::lists", state / "lists"),
            ("Dir::State::status", state / "status"), ("Dir::Cache", state),
            ("Dir::Cache::archives", state / "archives"), ("Dir::Etc::main", "/dev/null"),
            ("Dir::Etc::parts", "/dev/null"), ("Dir::Etc::sourcelist", "/dev/null"),
            ("Dir::Etc::sourceparts", state / "sources"), ("Dir::Etc::preferences", "/dev/null"),
            ("Dir::Etc::preferencesparts", "/dev/null"), ("Dir::Log", state),
            ("APT::Architecture", "amd64"), ("APT::Sandbox::User", "root"),
            ("APT::Install-Recommends", "false"), ("Acquire::Languages", "none"),
            ("Acquire::IndexTargets::deb::DEP-11::DefaultEnabled", "false"),
            ("Acquire::IndexTargets::deb::CNF::DefaultEnabled", "false"),
            ("Debug::NoLocking", "1"),
        ]
        text = "".join(f'{name} "{value}";\n' for name, value in settings)
        text += "#clear APT::Architectures;\n" + 'APT::Architectures { "amd64"; };\n'
        text += "".join(line + "\n" for line in _machine_settings())
        _replace(state / "apt.conf", text)
        return state / "apt.conf"

    def _apt(self, program: str, arguments: list[str], failure: str, *, sources: bool = False,
             cwd: Path | None = None, wanted: str = "", on_line: Say | None = None) -> str:
        """Run one apt program; its output, or AptError with apt's own first complaint."""
        environment = dict(os.environ, LC_ALL="C", DEBIAN_FRONTEND="noninteractive",
                           APT_CONFIG=str(self._srcs_conf if sources else self._debs_conf))
        lines: list[str] = []
        with subprocess.Popen([program, *arguments], cwd=cwd, env=environment, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT if on_line else subprocess.PIPE) as process:
            if on_line:
                for line in process.stdout:
                    lines.append(line)
                    on_line(line.rstrip("\n"))
                complaints = "".join(lines)
            else:
                out, complaints = process.communicate()
                lines.append(out)
        if process.returncode != 0:
            complaint = _first_complaint(complaints)
            if os.strerror(errno.ENOSPC) in complaint:
                raise AptError(f"{failure}: {complaint}; make room, or set XDG_CACHE_HOME to a "
                               "directory on another disk")
            raise AptError(f"{failure}: {complaint}; check the network and the "
                           f"mirror in /etc/apt, or {_deps_dir_advice(wanted)}")
        return "".join(lines)

    def _read_index(self) -> tuple[dict[str, Deb], dict[str, list[list[str]]],
                                   dict[str, list[str]]]:
        if self._index is None:
            if not (self._state(False) / "updated").exists():
                self.update()
            text = self._apt("apt-cache", ["dumpavail"], "the package index could not be read")
            self._index = _parse_index(text)
        return self._index

    def _download(self, debs: list[Deb], temporary: Path, into: Path) -> None:
        count = 0

        def follow(line: str) -> None:
            nonlocal count
            match = re.match(r"Get:\d+ \S+ \S+ \S+ (?:\S+ )?(\S+) \S+ \[", line)
            if match:
                count += 1
                if count % 10 == 0 or count == len(debs):
                    self._say(f"package {count} of {len(debs)}")

        for start in range(0, len(debs), 200):
            part = debs[start:start + 200]
            names = [f"{deb.name}={deb.version}" for deb in part]
            self._apt("apt-get", ["-q", "download", *names], "packages could not be fetched",
                      cwd=temporary, on_line=follow)
            for deb in part:
                got = next(temporary.glob(f"{deb.name}_{deb.version.replace(':', '%3a')}_*.deb"),
                           None)
                if got is None or not _have(got, deb.sha256):
                    raise AptError(f"{deb.basename} did not arrive with the sha256 of its index; "
                                   "try again, or " + _deps_dir_advice(deb.basename, deb.sha256))
                got.rename(into / deb.basename)

    def _source_versions(self, package: str, filename: str) -> list[str]:
        """The versions of a source package that come with this very file."""
        try:
            text = self._apt("apt-cache", ["showsrc", "--only-source", package], "", sources=True)
        except AptError:
            return []
        versions = [stanza.get("version", "") for stanza in _stanzas(text)
                    if stanza.get("package") == package
                    and re.search(rf"(^|\s){re.escape(filename)}(\s|$)",
                                  stanza.get("checksums-sha256", ""))]
        return versions


def _parse_index(text: str) -> tuple[dict[str, Deb], dict[str, list[list[str]]],
                                     dict[str, list[str]]]:
    index: dict[str, Deb] = {}
    depends: dict[str, list[list[str]]] = {}
    providers: dict[str, list[str]] = {}
    field = re.compile(r"^(Package|Version|Filename|SHA256|Size|Depends|Pre-Depends|Provides): (.*)$",
                       re.M)
    for stanza in text.split("\n\n"):
        values = dict(field.findall(stanza))
        name = values.get("Package")
        if name is None or "Filename" not in values or name in index:
            continue
        index[name] = Deb(name, values["Version"], values["Filename"], values["SHA256"],
                          int(values["Size"]))
        needs = ", ".join(values[key] for key in ("Pre-Depends", "Depends") if key in values)
        depends[name] = [[_bare(one) for one in group.split("|")]
                         for group in needs.split(",") if group.strip()]
        for provided in values.get("Provides", "").split(","):
            if provided.strip():
                providers.setdefault(_bare(provided), []).append(name)
    return index, depends, providers


def _bare(dependency: str) -> str:
    """"libc6:any (>= 2.3)" is libc6."""
    return dependency.split("(")[0].split("[")[0].strip().split(":")[0]


def _machine_settings() -> list[str]:
    """How this machine reaches its mirror: proxies, certificates, retries."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, errors="replace",
                          check=False).stdout
    return [line for line in dump.splitlines() if _KEPT_SETTINGS.match(line)]


def _first_complaint(text: str) -> str:
    lines = [line.strip() for line in text.splitlines()]
    for mark in ("E: ", "Err:", "W: "):
        for line in lines:
            if line.startswith(mark):
                return re.sub(r"\s+", " ", line.removeprefix(mark))[:300]
    return next((line for line in reversed(lines) if line), "apt gave no reason")[:300]


def _deps_dir_advice(filename: str = "", sha256: str = "") -> str:
    if not filename:
        return "put the files wanted into a directory and name it in XENOLITH_DEPS_DIR"
    digest = f" (sha256 {sha256})" if sha256 else ""
    return f"put {filename}{digest} into a directory and name it in XENOLITH_DEPS_DIR"


def _have(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_file(path) == sha256


def _from_deps_dir(basename: str, sha256: str, into: Path) -> bool:
    directory = deps_dir()
    if directory is None or not _have(directory / basename, sha256):
        return False
    temporary = into / f".{basename}.new-{os.getpid()}"
    shutil.copyfile(directory / basename, temporary)
    temporary.rename(into / basename)
    return True


def _replace(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
