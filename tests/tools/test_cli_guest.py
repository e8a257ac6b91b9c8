"""The life of a guest over a dom0 that a test plays."""
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cli_fixtures import FakeDom0  # noqa: E402

from cli.config import GuestConfig  # noqa: E402
from cli.guest import Guest, explain_create_failure, unique_name  # noqa: E402
from cli.hypervisor import explain, hypervisor_words  # noqa: E402
from cli.output import GuestOutput  # noqa: E402


def life(dom0: FakeDom0, timeout: float | None = 30):
    """Create a guest, watch it to its end, clean up; returns (ending, console bytes)."""
    seen = []
    output = GuestOutput(seen.append)
    with Guest(dom0, GuestConfig(name="g", kernel="")) as guest:
        guest.create(b"kernel", ramdisk=b"disk")
        ending = guest.watch(output, timeout)
        output.finish()
    return ending, b"".join(seen)


class TheGuestEndsByItself(unittest.TestCase):
    def test_the_status_in_xenstore_is_the_status_of_the_run(self):
        dom0 = FakeDom0(xenstore={"/local/domain/5/data/xenolith/exit-status": "7"})
        dom0.says(b"hello\r\nxenolith: exit status 7\r\n")
        dom0.ends(0)
        ending, console = life(dom0)
        self.assertEqual((ending.how, ending.status, ending.domid), ("poweroff", 7, 5))
        self.assertEqual(console, b"hello\nxenolith: exit status 7\n")

    def test_without_xenstore_the_last_line_tells_the_status(self):
        dom0 = FakeDom0()
        dom0.says(b"xenolith: exit status 9\r\n")
        dom0.ends(0)
        self.assertEqual(life(dom0)[0].status, 9)

    def test_nonsense_in_xenstore_is_not_a_status(self):
        dom0 = FakeDom0(xenstore={"/local/domain/5/data/xenolith/exit-status": "-1x"})
        dom0.says(b"xenolith: exit status 3\r\n")
        dom0.ends(0)
        self.assertEqual(life(dom0)[0].status, 3)

    def test_a_crash_is_126_whatever_was_published(self):
        dom0 = FakeDom0(xenstore={"/local/domain/5/data/xenolith/exit-status": "0"})
        dom0.says(b"xenolith: crashed: page fault\r\n")
        dom0.ends(3)
        self.assertEqual(life(dom0)[0].status, 126)

    def test_bytes_that_arrive_after_the_end_are_shown(self):
        dom0 = FakeDom0()
        dom0.says(b"first\r\n")
        dom0.ends(0)
        threading.Timer(0.1, dom0.says, [b"late\r\n"]).start()
        self.assertEqual(life(dom0)[1], b"first\nlate\n")


    def test_output_that_comes_before_the_console_is_joined_is_not_lost(self):
        dom0 = FakeDom0()
        dom0.says(b"early\r\n")
        dom0.ends(0)
        self.assertEqual(life(dom0)[1], b"early\n")

    def test_input_waits_for_the_console(self):
        dom0 = FakeDom0()
        with Guest(dom0, GuestConfig(name="g", kernel="")) as guest:
            guest.create(b"kernel")
            sender = threading.Thread(target=guest.send, args=[b"typed early\n"])
            sender.start()
            self.assertEqual(dom0.console.written, b"")
            dom0.starts()
            threading.Timer(0.3, dom0.ends, [0]).start()
            guest.watch(GuestOutput(lambda data: None), 30)
            sender.join()
        self.assertEqual(dom0.console.written, b"typed early\n")


class TheGuestIsEnded(unittest.TestCase):
    def test_a_timeout_is_124_and_destroys_the_domain(self):
        dom0 = FakeDom0()
        dom0.starts()
        dom0.says(b"busy\r\n")
        ending, console = life(dom0, timeout=0.2)
        self.assertEqual((ending.how, ending.status), ("timeout", 124))
        self.assertEqual(console, b"busy\n")
        self.assertIn(["xl", "destroy", "g"], dom0.commands)

    def test_destroyed_from_outside_is_told_apart(self):
        dom0 = FakeDom0()
        dom0.starts()
        dom0.process.say(b"Domain 5 has been destroyed.\n", "err")
        self.assertEqual(life(dom0)[0].how, "destroyed")

    def test_a_stop_from_the_keyboard_thread_ends_the_watch(self):
        dom0 = FakeDom0()
        with Guest(dom0, GuestConfig(name="g", kernel="")) as guest:
            guest.create(b"kernel")
            threading.Timer(0.1, guest.stop).start()
            ending = guest.watch(GuestOutput(lambda data: None), 30)
        self.assertEqual(ending.how, "stopped")

    def test_an_exception_leaves_no_domain_and_no_file(self):
        dom0 = FakeDom0()
        with self.assertRaises(KeyboardInterrupt):
            with Guest(dom0, GuestConfig(name="g", kernel="")) as guest:
                guest.create(b"kernel", ramdisk=b"disk")
                self.assertEqual(len(dom0.files), 3)
                raise KeyboardInterrupt
        self.assertIn(["xl", "destroy", "g"], dom0.commands)
        self.assertEqual(dom0.files, {})
        self.assertTrue(dom0.process.killed)


class TheGuestIsNeverCreated(unittest.TestCase):
    def test_what_xl_said_is_kept(self):
        dom0 = FakeDom0()
        dom0.process.say(b"libxl: error: no loader found\n", "err")
        dom0.process.close()
        ending, _ = life(dom0)
        self.assertEqual((ending.how, ending.status), ("not created", 125))
        self.assertIn("no loader found", ending.messages)

    def test_known_causes_get_a_cure(self):
        self.assertIn("PV kernel", explain_create_failure("no loader found", 32).cure)
        self.assertIn("-m", explain_create_failure("xc_dom_boot_mem_init: failed", 4).cure)
        self.assertIn("--name", explain_create_failure('Domain "x" already exists', 4).cure)


class TheGuestSaysNothing(unittest.TestCase):
    DMESG = ("(XEN) d4v0 something of another guest\n"
             "(XEN) d5v0 Unhandled: vec 14, #PF[0002]\n"
             "(XEN) domain_crash called from entry.S\n"
             "(XEN) Domain 5 (vcpu#0) crashed on cpu#0:\n"
             "(XEN) RIP:    e033:[<0000000000100010>]\n")

    def test_the_hypervisors_words_about_this_domain_are_found(self):
        lines = hypervisor_words(FakeDom0(dmesg=self.DMESG), 5, lambda line: line + " f+0x10")
        self.assertTrue(lines[0].startswith("(XEN) d5v0 Unhandled"), lines)
        self.assertEqual(lines[-1], "(XEN) RIP:    e033:[<0000000000100010>] f+0x10")

    def test_a_stack_that_is_used_up_is_called_that(self):
        dmesg = ("(XEN) domain_crash_sync called from entry.S: fault at ffff82d0403602d0 "
                 "x86_64/entry.S#domain_crash_page_fault_6x8+0/0x4\n"
                 "(XEN) Domain 5 (vcpu#0) crashed on cpu#0:\n"
                 "(XEN) RIP:    e033:[<0000000000100010>]\n"
                 "(XEN) RFLAGS: 0000000000000206   EM: 0   CONTEXT: pv guest (d5v0)\n"
                 "(XEN) rbp: 00000000002430a0   rsp: 0000000000242e30   r8:  0000000000230000\n")
        why = explain(hypervisor_words(FakeDom0(dmesg=dmesg), 5, str), lambda address: "deep+0x10")
        self.assertIn("a stack is used up, at deep+0x10", why)
        self.assertEqual(explain(["(XEN) Domain 5 (vcpu#0) crashed on cpu#0:"], str), "")

    def test_another_domains_words_are_not_ours(self):
        self.assertEqual(hypervisor_words(FakeDom0(dmesg=self.DMESG), 6, str), [])


class NamesAreUnique(unittest.TestCase):
    def test_two_runs_of_one_program_have_two_names(self):
        self.assertNotEqual(unique_name("hello"), unique_name("hello"))

    def test_blanks_and_slashes_do_not_reach_xl(self):
        self.assertRegex(unique_name("my prog/ä"), r"^[A-Za-z0-9_.+-]+$")


if __name__ == "__main__":
    unittest.main()
