"""Our changes to newlib's unpacked source: small, named, and loud when the text is not as expected.

Headers that are wholly ours lie in sysroot/ and become newlib's libc/sys/xenolith; here is what must
change inside newlib's own files. Nothing of newlib's text is kept in this repository beyond the few
words that an edit searches for.
"""
from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


class EditError(Exception):
    """The source is not the one that our edits were written for."""


@dataclass(frozen=True)
class Edit:
    """Replace every match of `pattern` in `path`; there must be exactly `count`."""

    path: str
    why: str
    pattern: str
    replacement: str
    count: int = 1

    def apply(self, newlib: Path) -> None:
        file = newlib / self.path
        text = file.read_text(encoding="latin-1")
        text, found = re.subn(self.pattern, self.replacement, text, flags=re.M)
        if found != self.count:
            raise EditError(f"newlib's {self.path}: {found} places to edit instead of {self.count} "
                            f"({self.why}); another version of newlib?")
        file.write_text(text, encoding="latin-1")


# newlib's own options for our host triple. Its C files call _read, _write and so on, names that no
# C program may use itself; libc-glue defines them and the POSIX names as weak aliases.
_HOST_FLAGS = ("-DREENTRANT_SYSCALLS_PROVIDED -DMISSING_SYSCALL_NAMES -DSIGNAL_PROVIDED"
               " -DHAVE_BLKSIZE -DHAVE_FCNTL -DHAVE_NANOSLEEP -DHAVE_CHDIR -DHAVE_FCHDIR")

# The files whose functions read numbered arguments, and how often they call va_arg for it.
_NUMBERED_ARGUMENTS = {"vfprintf.c": 15, "vfwprintf.c": 15, "vfscanf.c": 1, "vfwscanf.c": 1}

_OR_XENOLITH = r"\g<0> || defined(__xenolith__)"
_CYGWIN_OR_XENOLITH = "#if defined(__CYGWIN__) || defined(__xenolith__)"

EDITS = [
    Edit("configure.host", "our sys directory, and the POSIX functions",
         r"^  \*-\*-cygwin\*\)\n\tposix_dir=",
         "  *-xenolith-*)\n\tsys_dir=xenolith\n\thave_crt0=no\n\thave_init_fini=no\n"
         "\tposix_dir=posix\n\tunix_dir=unix\n\t;;\n\\g<0>"),
    Edit("configure.host", "our flags",
         r"^  \*-\*-cygwin\*\)\n\ttest -z",
         "  *-xenolith-*)\n\tnewlib_cflags=\"${newlib_cflags} " + _HOST_FLAGS + "\"\n"
         "\tsyscall_dir=\n\t;;\n\\g<0>"),
    Edit("libc/include/reent.h", "system calls under reserved names",
         r"^#define _(\w+)_r(\([^)]*\)\s+)\1\(", r"#define _\1_r\2_\1(", 25),
    Edit("libc/include/reent.h", "system calls declared",
         r"^#if defined\(REENTRANT_SYSCALLS_PROVIDED\) && defined\(MISSING_SYSCALL_NAMES\)$",
         "\\g<0>\n#include <sys/_system_calls.h>"),
    Edit("libc/include/_syslist.h", "system calls under reserved names",
         r"^#define (_(?!opendir|readdir|closedir)\w+) \w+$", r"/* \1 */", 21),
    Edit("libc/include/sys/features.h", "what Xenolith offers",
         r"^#ifdef __rtems__\n", "#ifdef __xenolith__\n#include <sys/_xenolith.h>\n#endif\n\n\\g<0>"),
    Edit("libc/include/sys/_types.h", "nlink_t of 32 bits",
         r"^typedef\tunsigned short\t__nlink_t;", "typedef\tunsigned int\t__nlink_t;"),
    Edit("libc/include/sys/select.h", "FD_SETSIZE 1024",
         r"ifdef __CYGWIN__(?=\n#  define FD_SETSIZE)", "if defined(__CYGWIN__) || defined(__xenolith__)"),
    Edit("libc/include/sys/stat.h", "lstat, mknod",
         r"defined \(__SPU__\)", _OR_XENOLITH),
    Edit("libc/include/sys/stat.h", "UTIME_NOW, UTIME_OMIT",
         r"defined\(__CYGWIN__\)(?= \|\| defined\(__rtems__\)\n/\* Special tv_nsec)", _OR_XENOLITH),
    Edit("libc/include/sys/stat.h", "st_blocks counts 512 bytes",
         r"S_BLKSIZE  1024", "S_BLKSIZE  512"),
    Edit("libc/include/sys/_default_fcntl.h", "l_pid holds a pid_t",
         r"short\tl_pid;", "int\tl_pid;", 2),
    Edit("libc/include/sys/unistd.h", "confstr names",
         r"defined \(__CYGWIN__\)(?= \|\| defined\(__rtems__\)\n#define _CS_PATH)", _OR_XENOLITH),
    Edit("libc/include/pthread.h", "affinity, pthread_getattr_np",
         r"^#if defined\(__rtems__\)", _OR_XENOLITH),
    Edit("libc/include/pthread.h", "joining with a limit",
         r"^int\tpthread_join \(.*\);$",
         "\\g<0>\n#if __GNU_VISIBLE\nint\tpthread_tryjoin_np (pthread_t, void **);\n"
         "int\tpthread_timedjoin_np (pthread_t, void **, const struct timespec *);\n"
         "int\tpthread_clockjoin_np (pthread_t, void **, clockid_t, const struct timespec *);\n#endif"),
    Edit("libc/include/pthread.h", "robust mutexes",
         r"^int\tpthread_mutex_unlock \(.*\);$",
         "\\g<0>\nint\tpthread_mutex_consistent (pthread_mutex_t *);\n"
         "int\tpthread_mutexattr_setrobust (pthread_mutexattr_t *, int);\n"
         "int\tpthread_mutexattr_getrobust (const pthread_mutexattr_t *, int *);"),
    Edit("libc/include/regex.h", "compiles alone", r"^#include <sys/cdefs.h>$",
         "\\g<0>\n#include <sys/types.h>"),
    Edit("libc/include/stdio.h", "getline, getdelim",
         r"^ssize_t __getline \(.*\);$",
         "\\g<0>\n#if __POSIX_VISIBLE >= 200809\nssize_t getdelim (char **, size_t *, int, FILE *);\n"
         "ssize_t getline (char **, size_t *, FILE *);\n#endif"),
    Edit("libc/include/stdlib.h", "clearenv, program names, canonicalize_file_name",
         r"^int\tunsetenv \(.*\);$",
         "\\g<0>\n#endif\n#if __MISC_VISIBLE\nint\tclearenv (void);\nconst char *getprogname (void);\n"
         "void\tsetprogname (const char *);\n#endif\n#if __GNU_VISIBLE\n"
         "char *\tcanonicalize_file_name (const char *);"),
    Edit("libc/include/stdlib.h", "alloca for a strict standard with _GNU_SOURCE, too",
         r"^#ifndef __STRICT_ANSI__(?=\n#include <alloca\.h>)",
         "#if !defined(__STRICT_ANSI__) || __MISC_VISIBLE"),
    Edit("libc/include/stdlib.h", "pseudo-terminals",
         r"^char \*\s*realpath \(.*\);\n#endif$",
         "\\g<0>\n#if __MISC_VISIBLE || __XSI_VISIBLE\nint\tposix_openpt (int);\nint\tgrantpt (int);\n"
         "int\tunlockpt (int);\nchar *\tptsname (int);\n#endif\n#if __GNU_VISIBLE\n"
         "int\tptsname_r (int, char *, size_t);\n#endif"),
    Edit("libc/include/time.h", "timezone and daylight by their names in POSIX",
         r"^extern __IMPORT int _daylight;\n#endif$",
         "\\g<0>\n#if __MISC_VISIBLE || __XSI_VISIBLE\nextern long timezone;\nextern int daylight;\n#endif"),
    Edit("libc/time/tzvars.c", "timezone and daylight by their names in POSIX",
         r"^long _timezone = 0;$",
         "\\g<0>\nextern long timezone __attribute__ ((__weak__, __alias__ (\"_timezone\")));\n"
         "extern int daylight __attribute__ ((__weak__, __alias__ (\"_daylight\")));"),
    Edit("libc/include/sys/unistd.h", "crypt without a feature macro",
         r"^#if __XSI_VISIBLE(?=\nchar \*  crypt)", "#if __MISC_VISIBLE || __XSI_VISIBLE"),
    Edit("libc/include/sys/stat.h", "lchmod",
         r"^int     fchmod \(.*\);$",
         "\\g<0>\n#if __MISC_VISIBLE\nint\tlchmod (const char *__path, mode_t __mode);\n#endif"),
    Edit("libc/include/stdio.h", "renameat2",
         r"^# ifdef __CYGWIN__(?=\nint\trenameat2)",
         "# if __GNU_VISIBLE\n#define RENAME_NOREPLACE 1"),
    Edit("libc/include/sys/unistd.h", "close_range",
         r"^#if defined\(__CYGWIN__\)(?= && \(__BSD_VISIBLE \|\| __GNU_VISIBLE\)\n/\* Available)",
         "#if (defined(__CYGWIN__) || defined(__xenolith__))"),
    Edit("libc/include/math.h", "sincosl",
         r"^#ifdef __CYGWIN__(?=\nextern void sincosl)", _CYGWIN_OR_XENOLITH),
    Edit("libc/include/sys/errno.h", "the program's names",
         r"^extern __IMPORT int _sys_nerr;$",
         "\\g<0>\n#if __GNU_VISIBLE\nextern char *program_invocation_name;\n"
         "extern char *program_invocation_short_name;\n#endif"),
    Edit("libc/include/sys/utime.h", "compiles alone", r"^#define _SYS_UTIME_H$",
         "\\g<0>\n#include <sys/types.h>"),
    Edit("libc/include/machine/setjmp.h", "sigsetjmp, siglongjmp",
         r"\(defined\(__CYGWIN__\) \|\| defined\(__rtems__\)(?=\) && __POSIX_VISIBLE)",
         _OR_XENOLITH),
    # The macros write behind a jmp_buf that is no sigjmp_buf.
    Edit("libc/include/machine/setjmp.h", "sigsetjmp, _setjmp: functions",
         r"^#ifdef __CYGWIN__(?=\n(?:/\* Per POSIX|extern void _longjmp))",
         _CYGWIN_OR_XENOLITH, 2),
    Edit("libc/include/machine/setjmp.h", "sigsetjmp, _setjmp: functions",
         r"^#if defined\(__GNUC__\)(?=\n\n#define sigsetjmp)",
         "#if defined(__xenolith__)\n#define sigsetjmp sigsetjmp\n#define siglongjmp siglongjmp\n"
         "#elif defined(__GNUC__)"),
    Edit("libc/include/signal.h", "ucontext_t, which handlers get", r"^#endif /\* _SIGNAL_H_ \*/$",
         "#if __POSIX_VISIBLE && __has_include(<sys/ucontext.h>)\n#include <sys/ucontext.h>\n#endif\n\n\\g<0>"),
    # On x86-64 a va_list is an array, and as a parameter a pointer: &ap is no va_list *, but passing ap
    # lets the callee advance it.
    *(edit for name, count in _NUMBERED_ARGUMENTS.items() for edit in (
        Edit(f"libc/stdio/{name}", "printf's and scanf's %1$d", r"&ap(?=, &numargs)", "ap"),
        Edit(f"libc/stdio/{name}", "printf's and scanf's %1$d", r"va_list \*(?=ap|, int)", "va_list ", 2),
        Edit(f"libc/stdio/{name}", "printf's and scanf's %1$d", r"va_arg \(\*ap", "va_arg (ap", count))),
]

# Functions that libc-glue, the runtime or libxenolith-rt define instead: these files become empty.
REPLACED = {
    "libc-glue's directory streams": [
        "libc/posix/closedir.c", "libc/posix/dirfd.c", "libc/posix/opendir.c",
        "libc/posix/readdir.c", "libc/posix/readdir_r.c", "libc/posix/rewinddir.c",
        "libc/posix/scandir.c", "libc/posix/seekdir.c", "libc/posix/telldir.c"],
    "libc-glue's descriptors": [
        "libc/posix/_isatty.c", "libc/posix/creat.c", "libc/posix/isatty.c", "libc/unix/getcwd.c",
        "libc/unix/pread.c", "libc/unix/pwrite.c", "libc/unix/ttyname.c", "libc/unix/ttyname_r.c"],
    "libc-glue's wordexp(), as newlib's asks a shell": ["libc/posix/wordexp.c", "libc/posix/wordfree.c"],
    "libc-glue's words for unknown errors": ["libc/string/u_strerr.c"],
    "libc-glue's end of a program": ["libc/stdlib/abort.c"],
    "libc-glue's locks": ["libc/misc/lock.c"],
    "libc-glue's random numbers": ["libc/stdlib/arc4random.c", "libc/stdlib/arc4random_uniform.c"],
    "libc-glue's users": ["libc/unix/getpwent.c"],
    "libc-glue's signals": ["libc/signal/raise.c", "libc/unix/sigset.c"],
    "libc-glue's terminals and logins": [
        "libc/unix/getlogin.c", "libc/unix/getpass.c", "libc/unix/getut.c"],
    "the runtime's stack protector": ["libc/ssp/stack_protector.c"],
    "libxenolith-rt's memory functions, which use general registers only": [
        "libc/machine/x86_64/memcpy.S", "libc/machine/x86_64/memset.S",
        "libc/string/memmove.c", "libc/string/memcmp.c"],
}


# Headers for other systems, which do not compile here.
REMOVED = ["libc/include/regdef.h", "libc/include/utmp.h", "libc/include/sys/custom_file.h"]


def apply(newlib: Path) -> None:
    """Turn an unpacked newlib directory (the one with configure.host) into ours."""
    include = newlib / "libc" / "sys" / "xenolith" / "include"
    shutil.copytree(HERE / "sysroot", include)
    for edit in EDITS:
        edit.apply(newlib)
    for name in REMOVED:
        (newlib / name).unlink()
    for why, files in REPLACED.items():
        for name in files:
            if not (newlib / name).is_file():
                raise EditError(f"newlib has no {name} to replace by {why}; another version?")
            (newlib / name).write_text(f"/* Replaced by {why}. */\n", encoding="ascii")
