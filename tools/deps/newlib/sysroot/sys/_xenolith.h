/*
 * What Xenolith offers, in the words that newlib's headers and POSIX programs ask for it. Included at
 * the end of sys/features.h, so every header of the sysroot has seen it.
 */
#ifndef _SYS__XENOLITH_H
#define _SYS__XENOLITH_H

/* newlib's configuration, which headers that begin with this one would miss. */
#include <newlib.h>

/* Options of POSIX.1-2008: values for `#if _POSIX_X > 0` and for sysconf(). */
#define _POSIX_VERSION                      200809L
#define _POSIX2_VERSION                     200809L
#define _XOPEN_VERSION                      700
#define _XOPEN_UNIX                         1
#define _POSIX_ADVISORY_INFO                200809L
#define _POSIX_ASYNCHRONOUS_IO              (-1)
#define _POSIX_BARRIERS                     200809L
#define _POSIX_CHOWN_RESTRICTED             0
#define _POSIX_CLOCK_SELECTION              200809L
#define _POSIX_CPUTIME                      200809L
#define _POSIX_FSYNC                        200809L
#define _POSIX_IPV6                         200809L
#define _POSIX_JOB_CONTROL                  1
#define _POSIX_MAPPED_FILES                 200809L
#define _POSIX_MEMORY_PROTECTION            200809L
#define _POSIX_MONOTONIC_CLOCK              200809L
#define _POSIX_NO_TRUNC                     1
#define _POSIX_PRIORITY_SCHEDULING          200809L
#define _POSIX_READER_WRITER_LOCKS          200809L
#define _POSIX_REALTIME_SIGNALS             200809L
#define _POSIX_REGEXP                       1
#define _POSIX_SAVED_IDS                    1
#define _POSIX_SEMAPHORES                   200809L
#define _POSIX_SPAWN                        200809L
#define _POSIX_SPIN_LOCKS                   200809L
#define _POSIX_SYNCHRONIZED_IO              200809L
#define _POSIX_THREADS                      200809L
#define _POSIX_THREAD_ATTR_STACKADDR        200809L
#define _POSIX_THREAD_ATTR_STACKSIZE        200809L
#define _POSIX_THREAD_CPUTIME               200809L
#define _POSIX_THREAD_PRIORITY_SCHEDULING   200809L
#define _POSIX_THREAD_PROCESS_SHARED        200809L
#define _POSIX_THREAD_SAFE_FUNCTIONS        200809L
#define _POSIX_TIMEOUTS                     200809L
#define _POSIX_TIMERS                       200809L
#define _POSIX_VDISABLE                     0

/* newlib's own questions. */
#define _UNIX98_THREAD_MUTEX_ATTRIBUTES     1
#define _POSIX_THREAD_PRIO_PROTECT          200809L
#define _POSIX_THREAD_PRIO_INHERIT          200809L
#define __LINUX_ERRNO_EXTENSIONS__          1
#define _READ_WRITE_RETURN_TYPE             _ssize_t
#define _READ_WRITE_BUFSIZE_TYPE            __SIZE_TYPE__
#define __BUFSIZ__                          4096
#define __FILENAME_MAX__                    4096

#endif
