"""`xenolith gdb`: a program booted under the debugger, or a running guest attached to.

gdb runs here, xenolith-gdbserver in dom0; between them is a socket of ours, joined to the server's
stdin and stdout. Where the guest's scheduler keeps its threads is read out of the image's types
beforehand and told to the server, so that `info threads` shows the program's threads.
"""
from __future__ import annotations

import argparse
import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from . import prereq
from .attach import write_stdout
from .build import build_program, ensure_sdk, needs_sdk
from .config import NAME_PATTERN
from .devices import lent, prepare
from .errors import Interrupted, UserError
from .guest import Ending, Guest, explain_create_failure, unique_name
from .image import GZIP_MAGIC, read_image
from .initrd import pack
from .layout import Layout
from .options import add_guest_options, check_it_fits, guest_config
from .output import GuestOutput
from .progress import Progress
from .symbols import Symbols

HELP = """
Debug a program on Xen with this machine's gdb.

PROGRAM is what `xenolith run` takes: a C file, a directory, an image. It is built, and booted as a
guest that stands still before its first instruction; set breakpoints and `continue`. Its console
appears between gdb's own output. When gdb ends, so does the guest.

DOMAIN is the name or number of a running guest (see `xenolith ps`). It is stopped where it is, and
runs on when gdb ends. Its image is fetched from dom0.

All of the guest's threads are there (`info threads`, `thread apply all backtrace`); single steps are
for the one that runs. Ctrl-C stops the guest, and so does its crash, once its report is out. Breakpoints
and steps need a guest of ours with one virtual CPU, and nothing of Xen: not its support for gdbsx,
which most distributions leave out.
"""

EPILOG = """
exit status: gdb's own, or 125 when it did not come to that

examples:
  xenolith gdb hello.c
  xenolith gdb hello.c --batch -ex 'break main' -ex continue -ex backtrace
  xenolith gdb hello-1a2b3c -ex 'thread apply all backtrace'
"""

TAKES_ARGS = True
SERVER = "xenolith-gdbserver"
SERVER_END_SECONDS = 20.0
# Prints what xenolith-gdbserver --threads wants. The file's name keeps a program's own `threads` out.
LAYOUT_SCRIPT = """
python
variable = gdb.parse_and_eval("&'runtime/thread.c'::threads").dereference()
thread = gdb.lookup_type("struct thread")
def offset(name):
    return thread[name].bitpos // 8
vcpu = variable["vcpu"][0]
print("LAYOUT", ",".join("%x" % int(number) for number in (
    variable["all"].address, offset("all_link"), offset("id"), offset("name"),
    offset("stack_pointer"), vcpu["current"].address, vcpu["idle"].address)))
end
"""
# Stops where the guest ends itself, when its report is out and the stack still stands.
CRASH_SCRIPT = """
python
class XenolithCrash(gdb.Breakpoint):
    def stop(self):
        print("The guest has crashed; `backtrace` shows where. `continue` ends it.")
        return True
if gdb.lookup_global_symbol("shutdown_crash"):
    XenolithCrash("shutdown_crash", internal=True)
end
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("program", metavar="PROGRAM|DOMAIN",
                        help="FILE.c, DIR, DIR:TARGET, IMAGE, or a running guest")
    add_guest_options(parser)
    debugging = parser.add_argument_group("debugging")
    debugging.add_argument("-ex", metavar="COMMAND", dest="steps", action=Step, default=[],
                           help="a command for gdb, after it has connected; may be repeated")
    debugging.add_argument("-x", metavar="FILE", dest="steps", action=Step,
                           help="a file of such commands; in order with -ex")
    debugging.add_argument("--batch", action="store_true",
                           help="no prompt: gdb ends after its commands")
    debugging.add_argument("--image", metavar="FILE", type=Path,
                           help="with DOMAIN: its image with symbols (default: fetched from dom0)")
    debugging.add_argument("--no-install", action="store_true",
                           help="never install a package on this machine (also XENOLITH_NO_INSTALL=1)")


class Step(argparse.Action):
    """-ex and -x in the order in which they were given, as gdb keeps them."""

    def __call__(self, parser, namespace, value, option=None) -> None:
        namespace.steps = [*namespace.steps, option, value]


def command(options: argparse.Namespace, layout: Layout) -> int:
    prereq.ensure(prereq.DEBUG, Progress(), not options.no_install)
    if is_program(options.program):
        return debug_program(options, layout)
    return debug_domain(options, layout)


def is_program(target: str) -> bool:
    """What cannot be a domain's name, and what is there as a file."""
    return Path(target).exists() or not NAME_PATTERN.match(target) or target.endswith(".c")


def debug_program(options: argparse.Namespace, layout: Layout) -> int:
    from .run import open_host, program_name
    if options.image is not None:
        raise UserError("--image is for running guests", "the program is its own image")
    progress = Progress()
    program = program_name(options.program)
    config = guest_config(options, options.args, program, unique_name(program), "", False)
    if config.vcpus != 1:
        raise UserError(f"--vcpus {config.vcpus}: the debugger knows guests of one CPU only",
                        "leave it out")
    prepare(config, progress, install=not options.no_install)
    if needs_sdk(options.program):
        ensure_sdk(layout, progress, install=not options.no_install)
    image = read_image(build_program(options.program, layout, progress,
                                     not options.no_install))
    check_it_fits(image, config.memory_mib)
    ramdisk = pack(options.initrd) if options.initrd is not None else None
    output = GuestOutput(write_stdout, Symbols(image.path, image.elf).frame_suffix)
    with open_host(config, progress, install=not options.no_install) as dom0, \
            lent(dom0, config, progress), Guest(dom0, config) as guest, \
            ignoring_interrupts(), plain_file(image) as plain:
        check_server(dom0)
        guest.create(image.path, ramdisk, paused=True)
        watcher = Watcher(guest, output)
        if not watcher.wait_until_created():
            sys.stderr.write(watcher.ending.messages)
            raise explain_create_failure(watcher.ending.messages, config.memory_mib)
        status = run_gdb(dom0, config.name, plain, options, layout)
        watcher.finish()
        return status


def debug_domain(options: argparse.Namespace, layout: Layout) -> int:
    from .host import running_dom0
    if options.args:
        raise UserError("a running guest has its arguments already", "leave out what follows `--`")
    name = options.program
    with running_dom0(Progress()) as dom0, ignoring_interrupts():
        check_server(dom0)
        ran = dom0.run(["xl", "list", "-l", name], timeout=60)
        if ran.status:
            raise UserError(f"no file and no running guest is called {name!r}", "see `xenolith ps`")
        with tempfile.TemporaryDirectory(prefix="xenolith-gdb-") as folder:
            path = options.image
            if path is None:
                path = Path(folder) / "image"
                path.write_bytes(fetch_image(dom0, ran.out, name))
            with plain_file(read_image(path)) as plain:
                return run_gdb(dom0, name, plain, options, layout)


def fetch_image(dom0, listed: bytes, name: str) -> bytes:
    """The kernel that the domain was made from, if it still lies where xl took it."""
    from testbed.errors import TestbedError
    try:
        kernel = json.loads(listed)[0]["config"]["b_info"]["kernel"]
        return dom0.get(kernel)
    except (ValueError, LookupError, TypeError, TestbedError, OSError):
        raise UserError(f"the image of {name} is not in dom0 any more",
                        "give it with --image FILE") from None


def check_server(dom0) -> None:
    if dom0.run([SERVER, "--version"], timeout=60).status:
        raise UserError(f"dom0 has no {SERVER}", "install the SDK there; it is built with libxen-dev")


@contextmanager
def ignoring_interrupts() -> Iterator[None]:
    """Ctrl-C at the terminal is gdb's, which stops the guest; gdb itself must not inherit the deafness."""
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def plain_file(image) -> Iterator[Path]:
    """gdb wants a file that is not gzip'ed."""
    with image.path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC
    if not packed:
        yield image.path
        return
    with tempfile.NamedTemporaryFile(prefix="xenolith-") as unpacked:
        unpacked.write(image.elf.data)
        unpacked.flush()
        yield Path(unpacked.name)


class Watcher:
    """Passes the guest's console on while gdb has the main thread."""

    def __init__(self, guest: Guest, output: GuestOutput) -> None:
        self._guest = guest
        self._output = output
        self.ending: Ending | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        self.ending = self._guest.watch(self._output)

    def wait_until_created(self) -> bool:
        """Until the domain exists; False when it could not be made."""
        while not self._guest.exists.wait(0.2):
            if not self._thread.is_alive():
                return False
        return True

    def finish(self) -> None:
        """gdb is gone: what the guest has said is shown, and no more is waited for."""
        self._guest.stop()
        self._thread.join(30)
        self._output.finish()


def thread_layout(image: Path, script: Path) -> str | None:
    script.write_text(LAYOUT_SCRIPT)
    ran = subprocess.run(["gdb", "-nx", "-q", "-batch", "-x", str(script), str(image)],
                         capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    for line in ran.stdout.splitlines():
        if line.startswith("LAYOUT "):
            return line.split()[1]
    return None                         # an image without debug information: one thread is seen


def run_gdb(dom0, domain: str, image: Path, options: argparse.Namespace, layout: Layout) -> int:
    with tempfile.TemporaryDirectory(prefix="xenolith-gdb-") as name:
        folder = Path(name)
        words = thread_layout(image, folder / "layout.gdb")
        server = [SERVER, *(["--threads", words] if words else []), domain]
        (folder / "crash.gdb").write_text(CRASH_SCRIPT)
        argv = ["gdb", "-q", *(["-batch"] if options.batch else []), "-ex", "set remotetimeout 60"]
        if layout.checkout is not None:     # the runtime's files are named from there
            argv += ["-ex", f"directory {layout.checkout}"]
        argv += ["-ex", f"target remote {folder}/socket", "-x", str(folder / "crash.gdb"),
                 *options.steps, str(image)]
        bridge = Bridge(dom0, server, str(folder / "socket"))
        try:
            status = subprocess.run(argv, check=False).returncode
        finally:
            try:
                bridge.close()
            except Interrupted:         # only the first signal raises; the guest must be let go of
                bridge.close()
                raise
    if bridge.error is not None:
        raise UserError(f"the debugger's part in dom0 failed: {bridge.error}", "see `xenolith ps`")
    return status if status >= 0 else 128 - status


class Bridge:
    """One connection on a socket, joined to a process in dom0."""

    def __init__(self, dom0, argv: list[str], path: str) -> None:
        self._dom0 = dom0
        self._argv = argv
        self._process = None
        self._connection: socket.socket | None = None
        self.error: str | None = None
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(path)
        self._listening.listen(1)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            self._connection, _ = self._listening.accept()
        except OSError:
            return                      # gdb has ended without connecting
        try:
            self._process = self._dom0.popen(self._argv)
            threading.Thread(target=self._to_server, daemon=True).start()
            words = b""
            for stream, data in self._process.read():
                if stream == "out":
                    self._to_gdb(data)
                else:
                    words += data
            if self._process.wait():
                self.error = words.decode("utf-8", "replace").strip() or "it ended early"
        except Exception as error:
            self.error = str(error)
        finally:
            self._hang_up(self._connection)

    def _to_gdb(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError:
            pass                        # gdb has gone; the server must still come to its end

    @staticmethod
    def _hang_up(sock: socket.socket) -> None:
        """Also for a thread that waits in recv() or accept()."""
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        sock.close()

    def _to_server(self) -> None:
        try:
            while data := self._connection.recv(65536):
                self._process.stdin_write(data)
        except OSError:
            pass
        try:
            self._process.stdin_close() # the server lets the guest go on, and ends
        except Exception:               # it has ended before
            pass

    def close(self) -> None:
        """gdb has ended: wait for the server to let go of the guest."""
        self._hang_up(self._listening)
        self._thread.join(SERVER_END_SECONDS)
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
